/**
 * The node's heartbeat: its Lease in kube-node-lease, renewed four times per duration.
 */
import { rfc3339Micro, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { leases, type Lease } from '#api/generated/coordination/v1';
import { nodes } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { isAlreadyExists, isConflict, isNotFound } from '#machinery/status-error';

export interface NodeLeaseOptions { client: Client; clock: Clock; log: Logger; nodeName: string; durationSeconds: number }

const NAMESPACE = 'kube-node-lease';
const RENEWALS_PER_DURATION = 4;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 7_000;

/** Renews until the signal aborts. */
export async function keepNodeLease(options: NodeLeaseOptions, signal: AbortSignal): Promise<void> {
  const { clock } = options;
  const client = options.client.for(leases, NAMESPACE);
  let current: Lease | undefined;
  let retryMs = RETRY_MS_MIN;
  while (!signal.aborted) {
    try {
      current = await renew(options, current, signal);
      retryMs = RETRY_MS_MIN;
      await clock.sleep((options.durationSeconds * 1000) / RENEWALS_PER_DURATION, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (isConflict(error)) current = await client.get(options.nodeName, { signal }).catch(() => undefined);
      else {
        if (isNotFound(error)) current = undefined;
        options.log.debug('node lease was not renewed', { error: error instanceof Error ? error.message : error });
        await clock.sleep(retryMs, signal).catch(() => undefined);
        retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
      }
    }
  }
}

async function renew(options: NodeLeaseOptions, current: Lease | undefined, signal: AbortSignal): Promise<Lease> {
  const client = options.client.for(leases, NAMESPACE);
  const spec = { holderIdentity: options.nodeName, leaseDurationSeconds: options.durationSeconds, renewTime: rfc3339Micro(options.clock.now()) };
  if (current !== undefined) return client.update({ ...current, spec: { ...current.spec, ...spec } }, { signal });
  const node = await options.client.for(nodes).get(options.nodeName, { signal });
  try {
    return await client.create({
      apiVersion: 'coordination.k8s.io/v1', kind: 'Lease',
      metadata: { name: options.nodeName, namespace: NAMESPACE, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: options.nodeName, uid: node.metadata.uid! }] }, spec,
    }, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const found = await client.get(options.nodeName, { signal });
    return client.update({ ...found, spec: { ...found.spec, ...spec } }, { signal });
  }
}
