/** Namespaces go in two steps: the first DELETE marks them, the namespace controller empties them and clears `spec.finalizers`. */
import { rfc3339 } from '#base/clock';
import type { Namespace } from '#api/generated/core/v1';
import { newConflict } from '#machinery/status-error';
import type { WriteHooks } from './environment.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

export const namespaceHooks: WriteHooks = {
  beginDelete(object, options, nowMs) {
    const namespace = object as Namespace;
    const { metadata } = namespace;
    const { uid, resourceVersion } = options.preconditions ?? {};
    const refuse = (what: string, wanted: string, actual: string | undefined): never => {
      throw newConflict('', 'namespaces', metadata.name ?? '', `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${actual ?? ''}`);
    };
    if (uid !== undefined && uid !== metadata.uid) refuse('UID', uid, metadata.uid);
    if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) refuse('ResourceVersion', resourceVersion, metadata.resourceVersion);
    if (metadata.deletionTimestamp) return (namespace.spec?.finalizers ?? []).length > 0 ? 'keep' : 'go-on';
    metadata.deletionTimestamp = rfc3339(nowMs);
    namespace.status = { ...namespace.status, phase: 'Terminating' };
    const finalizers = new Set(metadata.finalizers ?? []);
    const wants = (name: string, policy: string, orphan: boolean): boolean => {
      if (options.orphanDependents !== undefined) return orphan && options.orphanDependents;
      return options.propagationPolicy === undefined ? finalizers.has(name) : options.propagationPolicy === policy;
    };
    for (const [name, wanted] of [[ORPHAN, wants(ORPHAN, 'Orphan', true)], [FOREGROUND, wants(FOREGROUND, 'Foreground', false)]] as const) {
      if (wanted) finalizers.add(name); else finalizers.delete(name);
    }
    if (finalizers.size > 0) metadata.finalizers = [...finalizers]; else delete metadata.finalizers;
    return 'put';
  },
  removable: (object) => ((object as Namespace).spec?.finalizers ?? []).length === 0,
};
