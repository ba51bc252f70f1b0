/**
 * Namespace and object selectors of webhooks and policies.
 *
 * A namespace that is being written counts with the labels it will have; every other is looked up, in the API server itself when the
 * local copy does not know it.
 */
import { namespaces, type Namespace } from '#api/generated/core/v1';
import type { KubeObject, LabelSelector } from '#machinery/meta';
import { labelSelectorOf, labelsMatch, type LabelRequirements } from '#machinery/selector/label-selector';
import { newInternalError, newNotFound } from '#machinery/status-error';
import { lookup, type AdmissionDependencies } from '../dependencies.ts';
import type { AdmissionAttributes } from '../plugin.ts';

type Sources = Pick<AdmissionDependencies, 'client' | 'informers'>;

const parsed = new WeakMap<LabelSelector, LabelRequirements>();

/** Undefined: selects everything. */
function requirementsOf(selector: LabelSelector | undefined): LabelRequirements | undefined {
  if (selector === undefined) return undefined;
  let requirements = parsed.get(selector);
  if (requirements === undefined) {
    try {
      requirements = labelSelectorOf(selector)!;
    } catch (error) {
      throw newInternalError(error);
    }
    parsed.set(selector, requirements);
  }
  return requirements.length === 0 ? undefined : requirements;
}

/** @throws StatusError 404 when the namespace is missing, 500 */
export async function namespaceMatches(sources: Sources, selector: LabelSelector | undefined, attributes: AdmissionAttributes): Promise<boolean> {
  if (attributes.namespace === '' && attributes.info.resource !== 'namespaces') return true;
  const requirements = requirementsOf(selector);
  if (requirements === undefined) return true;
  const { operation, subresource, info, object } = attributes;
  const isWritten = info.resource === 'namespaces' && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE');
  return labelsMatch(requirements, isWritten ? object?.metadata?.labels : (await namespaceOf(sources, attributes)).metadata.labels);
}

/** @throws StatusError 404 */
export async function namespaceOf(sources: Sources, { namespace, signal }: Pick<AdmissionAttributes, 'namespace' | 'signal'>): Promise<Namespace> {
  const found = await lookup(sources, namespaces, namespace, undefined, signal);
  if (found === undefined) throw newNotFound('', 'namespaces', namespace);
  return found;
}

/** The new or the old object has the labels. */
export function objectMatches(selector: LabelSelector | undefined, { object, oldObject }: AdmissionAttributes): boolean {
  const requirements = requirementsOf(selector);
  return requirements === undefined || has(object, requirements) || has(oldObject, requirements);
}

/** Options of a connection have no labels at all. */
function has(object: KubeObject | undefined, requirements: LabelRequirements): boolean {
  return object?.metadata !== undefined && labelsMatch(requirements, object.metadata.labels);
}
