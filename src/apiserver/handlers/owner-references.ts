/** Repeated owner references are taken out, with a warning. */
import { semanticEqual } from '#machinery/deep-equal';
import type { KubeObject, OwnerReference } from '#machinery/meta';
import { warn, type RequestContext } from '../context.ts';

export function dropRepeatedOwners(object: KubeObject, context: RequestContext, afterAdmission: boolean): void {
  const references = object.metadata.ownerReferences;
  if (references === undefined || references.length < 2) return;
  const kept: OwnerReference[] = [];
  const repeated: string[] = [];
  for (const reference of references) {
    if (kept.some((one) => one.uid === reference.uid && semanticEqual(one, reference))) repeated.push(reference.uid); else kept.push(reference);
  }
  if (repeated.length === 0) return;
  object.metadata.ownerReferences = kept;
  const list = repeated.join(', ');
  warn(context, afterAdmission
    ? `.metadata.ownerReferences contains duplicate entries after mutating admission happens; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${list}`
    : `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${list}`);
}
