/** etcd's gRPC errors in the contract's words. */
import { status, type ServiceError } from '@grpc/grpc-js';
import { CompactedError, FutureRevisionError, LeaseNotFoundError, NoSpaceError, TooLargeError, UnavailableError } from '../contract.ts';

/** The call has not left this process, or was refused before it was looked at: it may be made again elsewhere. */
export function wasNotSent(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE && /No connection established|connect ECONNREFUSED|no leader|not capable|Name resolution failed/i.test(error.details);
}

/** The end point may be at fault: the next one should be asked. */
export function blamesEndpoint(error: ServiceError): boolean {
  return error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED || error.code === status.CANCELLED || error.code === status.UNKNOWN;
}

/** @param write the request may have been applied when the answer is lost. */
export function fromEtcdError(error: ServiceError, write: boolean): Error {
  const { details } = error;
  // The revision is not in etcd's message: the engine fills it in.
  if (/required revision has been compacted/.test(details)) return new CompactedError(0);
  if (/required revision is a future revision/.test(details)) return new FutureRevisionError(0);
  if (/requested lease not found/.test(details)) return new LeaseNotFoundError('the lease has expired');
  if (/database space exceeded/.test(details)) return new NoSpaceError('etcd is at its quota: compact and defragment it, then disarm its alarm');
  if (/request is too large|larger than max/.test(details)) return new TooLargeError(`etcd refuses the size of the request: ${details}`);
  const unknown = write && !wasNotSent(error) && blamesEndpoint(error);
  return new UnavailableError(`etcd: ${details === '' ? error.message : details}`, { cause: error, unknown });
}
