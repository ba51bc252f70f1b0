/**
 * `GET /kubernode/snapshot`: the whole state of the store as one snapshot file, streamed while the server goes on.
 *
 * It holds every secret of the cluster: only members of system:masters get it, whatever roles say about paths. The last bytes
 * make it whole, so an answer that breaks off is not mistaken for a snapshot.
 */
import { snapshotChunks } from '#storage/snapshot';
import type { Clock } from '#base/clock';
import { newForbidden } from '#machinery/status-error';
import type { StorageEngine } from '#storage/contract';
import type { MountedRoute } from './discovery/routes.ts';
import { methodNotAllowed } from './handlers/dispatch.ts';

export const SNAPSHOT_PATH = '/kubernode/snapshot';
const MASTERS = 'system:masters';

export function snapshotRoute(storage: StorageEngine, clock: Clock): MountedRoute {
  return {
    path: SNAPSHOT_PATH,
    async handle({ request, user }) {
      if (request.method !== 'GET') throw methodNotAllowed();
      if (!user.groups.includes(MASTERS)) throw newForbidden('', '', '', `a snapshot holds all secrets: only members of ${MASTERS} may take one`);
      return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: snapshotChunks(storage, clock, request.signal) };
    },
  };
}
