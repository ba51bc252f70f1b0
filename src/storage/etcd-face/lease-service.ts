/** The Lease service. */
import type { GrpcStream } from '#wire/grpc/server';
import { leaseIdTooLarge, leaseNotFound, leaseTtlTooLarge } from './errors.ts';
import type { FaceContext } from './face-context.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';

const TTL_SECONDS_MAX = 9_000_000_000;

interface LeaseRequest { readonly ID: number; readonly TTL: number; readonly keys: boolean }

function idOf(request: LeaseRequest): number {
  if (!Number.isSafeInteger(request.ID)) throw leaseIdTooLarge();
  return request.ID;
}

export function leaseService(face: FaceContext): Readonly<Record<string, (request: Buffer) => Promise<Buffer>>> {
  const { store } = face;
  const { leases } = store.core;
  return {
    async LeaseGrant(bytes) {
      const request = decodeMessage<LeaseRequest>('LeaseGrantRequest', bytes);
      if (request.TTL > TTL_SECONDS_MAX) throw leaseTtlTooLarge();
      const { id, ttlSeconds } = await store.grantLease(idOf(request), request.TTL);
      return encodeMessage('LeaseGrantResponse', { header: face.headerNow(), ID: id, TTL: ttlSeconds });
    },
    async LeaseRevoke(bytes) {
      const id = idOf(decodeMessage<LeaseRequest>('LeaseRevokeRequest', bytes));
      if (leases.get(id) === undefined) throw leaseNotFound();
      await store.revokeLease(id);
      return encodeMessage('HeaderResponse', { header: face.headerNow() });
    },
    async LeaseTimeToLive(bytes) {
      const request = decodeMessage<LeaseRequest>('LeaseTimeToLiveRequest', bytes);
      const lease = leases.get(idOf(request));
      const left = lease === undefined ? undefined : leases.secondsLeft(lease.id);
      return encodeMessage('LeaseTimeToLiveResponse', {
        header: face.headerNow(), ID: request.ID, TTL: left === undefined ? -1 : Math.floor(left), grantedTTL: lease === undefined ? 0 : lease.ttlMs / 1000,
        keys: lease === undefined || !request.keys ? [] : [...lease.keys].map((key) => Buffer.from(key, 'latin1')),
      });
    },
    async LeaseLeases() {
      return encodeMessage('LeaseLeasesResponse', { header: face.headerNow(), leases: leases.all().map(({ id }) => ({ ID: id })) });
    },
  };
}

/** Renews as long as the client asks; a lease that is no more has 0 seconds left. */
export async function keepAlive(face: FaceContext, stream: GrpcStream): Promise<void> {
  for await (const bytes of stream.messages()) {
    const { ID } = decodeMessage<LeaseRequest>('LeaseKeepAliveRequest', bytes);
    const ttl = Number.isSafeInteger(ID) ? await face.store.renewLease(ID) : undefined;
    stream.send(encodeMessage('LeaseKeepAliveResponse', { header: face.headerNow(), ID, TTL: ttl ?? 0 }));
    await stream.drained();
  }
}
