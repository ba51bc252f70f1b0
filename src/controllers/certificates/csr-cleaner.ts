/** Deletes certificate signing requests that are done, denied, forgotten or expired. */
import { X509Certificate } from 'node:crypto';
import { certificatesigningrequests, type CertificateSigningRequest } from '#api/generated/certificates/v1';
import { isNotFound } from '#machinery/status-error';
import type { Controller, ControllerContext, ControllerDefinition } from '../controller.ts';
import { hasCondition } from './request-rules.ts';

export const csrCleaner: ControllerDefinition = {
  name: 'certificatesigningrequest-cleaner-controller',
  serviceAccount: 'certificate-controller',
  make: makeController,
};

const PERIOD_MS = 60 * 60_000;
const HOUR_MS = 60 * 60_000;
/** Decided ones are kept for people to see; undecided ones for as long as someone may decide. */
const DECIDED_MS = HOUR_MS;
const PENDING_MS = 24 * HOUR_MS;

export function isStale(csr: CertificateSigningRequest, nowMs: number): boolean {
  const olderThan = (time: string | null | undefined, limitMs: number): boolean => !!time && nowMs - Date.parse(time) > limitMs;
  const conditions = csr.status?.conditions ?? [];
  const decided = ['Approved', 'Denied', 'Failed'].some((type) => hasCondition(csr, type));
  if (!decided) return olderThan(csr.metadata.creationTimestamp, PENDING_MS);
  if (csr.status?.certificate) {
    if (conditions.some((condition) => condition.type === 'Approved' && olderThan(condition.lastUpdateTime, DECIDED_MS))) return true;
    return isExpired(csr.status.certificate, nowMs);
  }
  return conditions.some((condition) => condition.type !== 'Approved' && olderThan(condition.lastUpdateTime, DECIDED_MS))
    || conditions.some((condition) => condition.type === 'Approved' && olderThan(condition.lastUpdateTime, PENDING_MS));
}

function isExpired(certificate: string, nowMs: number): boolean {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo) < nowMs;
  } catch {
    return false; // a foreign signer's matter
  }
}

function makeController(context: ControllerContext): Controller {
  const { client, clock, log } = context;
  const all = context.informers.for(certificatesigningrequests);
  return {
    async run(signal) {
      await all.whenSynced(signal);
      while (!signal.aborted) {
        for (const csr of all.list()) {
          if (!isStale(csr, clock.now())) continue;
          await client.for(certificatesigningrequests).delete(csr.metadata.name!, { preconditions: { uid: csr.metadata.uid! }, signal })
            .catch((error: unknown) => { if (!isNotFound(error) && !signal.aborted) log.warn('deleting a stale request failed', { name: csr.metadata.name, error: (error as Error).message }); });
        }
        await clock.sleep(PERIOD_MS, signal).catch(() => undefined);
      }
    },
  };
}
