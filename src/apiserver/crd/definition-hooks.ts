/** Definitions go in two steps: the first DELETE marks them, then their objects are removed and with them the finalizer. */
import { rfc3339 } from '#base/clock';
import type { CustomResourceDefinition } from '#api/generated/apiextensions/v1';
import { newConflict } from '#machinery/status-error';
import type { WriteHooks } from '../handlers/environment.ts';
import { withCondition } from './names.ts';

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

export const definitionHooks: WriteHooks = {
  beginDelete(object, options, nowMs) {
    const definition = object as CustomResourceDefinition;
    const { metadata } = definition;
    const { uid, resourceVersion } = options.preconditions ?? {};
    const refuse = (what: string, wanted: string, actual: string | undefined): never => {
      throw newConflict('apiextensions.k8s.io', 'customresourcedefinitions', metadata.name ?? '', `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${actual ?? ''}`);
    };
    if (uid !== undefined && uid !== metadata.uid) refuse('UID', uid, metadata.uid);
    if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) refuse('ResourceVersion', resourceVersion, metadata.resourceVersion);
    if (metadata.deletionTimestamp) return 'go-on';
    const now = rfc3339(nowMs);
    metadata.deletionTimestamp = now;
    if (!(metadata.finalizers ?? []).includes(CLEANUP_FINALIZER)) metadata.finalizers = [...metadata.finalizers ?? [], CLEANUP_FINALIZER];
    definition.status = {
      ...definition.status, conditions: withCondition(definition.status?.conditions ?? [], {
        type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
      }, now),
    };
    return 'put';
  },
};
