/**
 * Pods that name resource claims (DRA) go only where their claims were allocated already; allocation itself is not done here, so a
 * pod with unallocated claims waits instead of being placed as if it had none.
 */
import type { ResourceClaim } from '#api/generated/resource/v1';
import type { Pod } from '#api/generated/core/v1';
import { nodeSelectorMatches } from '#semantics/node-affinity';
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SKIP, SUCCESS, unresolvable, unschedulable } from '../framework/status.ts';

/** The claims of a pod by name; undefined for one that is not there yet. */
export type ClaimsOf = (pod: Pod) => readonly { name: string; claim: ResourceClaim | undefined }[];

export function dynamicResources(claimsOf: ClaimsOf): SchedulerPlugin {
  return {
    name: 'DynamicResources',
    events: ['resource-claim/add', 'resource-claim/update', 'node/add', 'node/label', 'unscheduled-pod/update'],
    preFilter(_state, { pod }) {
      if ((pod.spec?.resourceClaims ?? []).length === 0) return { verdict: SKIP };
      for (const { name, claim } of claimsOf(pod)) {
        if (claim === undefined) return { verdict: unresolvable(`resourceclaim "${name}" not found`) };
        if (claim.metadata.deletionTimestamp != null) return { verdict: unresolvable(`resourceclaim "${name}" is being deleted`) };
        if (claim.status?.allocation == null) return { verdict: unresolvable('cannot allocate all claims') };
      }
      return { verdict: SUCCESS };
    },
    filter(_state, { pod }, { node }) {
      for (const { claim } of claimsOf(pod)) {
        const selector = claim?.status?.allocation?.nodeSelector;
        if (selector != null && !nodeSelectorMatches(selector, node!)) return unresolvable('resourceclaim not available on the node');
      }
      return SUCCESS;
    },
    async postFilter(_state, { pod }) {
      const text = (pod.spec?.resourceClaims ?? []).length === 0 ? 'no new claims to deallocate' : 'still not schedulable';
      return { verdict: unschedulable(text) };
    },
  };
}
