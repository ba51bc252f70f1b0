/** The namespace of a write as expressions see it, and what all policies need to be judged. */
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { Authorizer } from '../../authz/authorizer.ts';
import type { MatchDependencies } from '../extension/match-resources.ts';
import { canonical, kindOf } from '../extension/object-forms.ts';
import { namespaceOf } from '../extension/selectors.ts';
import type { AdmissionAttributes } from '../plugin.ts';
import type { WebhookMetrics } from '../webhook/webhook-metrics.ts';

export interface PolicyDependencies extends MatchDependencies {
  readonly authorizer: Authorizer;
  readonly registry: MetricsRegistry;
  readonly metrics: WebhookMetrics;
  readonly clock: Clock;
}

/** It is the request's fault, not the policy's. */
export class NamespaceMissingError extends Error {
  readonly status: unknown;
  constructor(status: unknown) {
    super('the namespace is missing');
    this.status = status;
  }
}

/** A namespace is not in itself, here. @throws NamespaceMissingError */
export async function namespaceFor(dependencies: MatchDependencies, attributes: AdmissionAttributes): Promise<unknown> {
  const { kind, group, version } = kindOf(attributes);
  if (attributes.namespace === '' || (kind === 'Namespace' && group === '' && version === 'v1')) return null;
  try {
    const namespace = await namespaceOf(dependencies, attributes);
    const { managedFields: _owned, ownerReferences: _owners, ...metadata } = namespace.metadata;
    return canonical({ ...namespace, kind: 'Namespace', apiVersion: 'v1', metadata });
  } catch (error) {
    throw new NamespaceMissingError(error);
  }
}
