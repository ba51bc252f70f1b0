/** The plugins through which users extend admission without code here: webhooks and policies. */
import type { MetricsRegistry } from '#base/metrics';
import type { Clock } from '#base/clock';
import type { Random } from '#base/random';
import type { Authorizer } from '../authz/authorizer.ts';
import type { WebhookClient } from '../webhook/webhook-client.ts';
import type { MatchDependencies } from './extension/match-resources.ts';
import type { ExtensionPlugins } from './registry.ts';
import { mutatingPolicies } from './policy/mutating-policies.ts';
import { validatingPolicies } from './policy/validating-policies.ts';
import { mutatingWebhooks } from './webhook/mutating-webhooks.ts';
import { validatingWebhooks } from './webhook/validating-webhooks.ts';
import { webhookMetrics } from './webhook/webhook-metrics.ts';

export interface ExtensionDependencies extends MatchDependencies {
  readonly webhooks: WebhookClient;
  readonly authorizer: Authorizer;
  readonly metrics: MetricsRegistry;
  readonly clock: Clock;
  readonly random: Random;
}

export function extensionPlugins(dependencies: ExtensionDependencies): ExtensionPlugins {
  const forWebhooks = { ...dependencies, metrics: webhookMetrics(dependencies.metrics) };
  const forPolicies = { ...forWebhooks, registry: dependencies.metrics };
  return {
    mutatingAdmissionPolicy: mutatingPolicies(forPolicies), mutatingAdmissionWebhook: mutatingWebhooks(forWebhooks),
    validatingAdmissionPolicy: validatingPolicies(forPolicies), validatingAdmissionWebhook: validatingWebhooks(forWebhooks),
  };
}
