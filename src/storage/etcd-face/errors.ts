/** What goes wrong, with etcd's own codes and texts: clients match on them. */
import { GRPC, GrpcError } from '#wire/grpc/status';
import { CompactedError, CorruptError, FutureRevisionError, LeaseNotFoundError, NoSpaceError, TooLargeError, UnavailableError } from '../contract.ts';
import { DiskFullError } from '../embedded/disk-full-error.ts';
import { LeaseExistsError } from '../mvcc/mvcc-store.ts';
import { ProtobufError } from './message-codec.ts';

const etcd = (code: number, text: string) => (): GrpcError => new GrpcError(code, `etcdserver: ${text}`);

export const emptyKey = etcd(GRPC.invalidArgument, 'key is not provided');
export const keyNotFound = etcd(GRPC.invalidArgument, 'key not found');
export const valueProvided = etcd(GRPC.invalidArgument, 'value is provided');
export const leaseProvided = etcd(GRPC.invalidArgument, 'lease is provided');
export const tooManyOps = etcd(GRPC.invalidArgument, 'too many operations in txn request');
export const duplicateKey = etcd(GRPC.invalidArgument, 'duplicate key given in txn request');
export const invalidSortOption = etcd(GRPC.invalidArgument, 'invalid sort option');
export const requestTooLarge = etcd(GRPC.invalidArgument, 'request is too large');
export const compacted = etcd(GRPC.outOfRange, 'mvcc: required revision has been compacted');
export const futureRevision = etcd(GRPC.outOfRange, 'mvcc: required revision is a future revision');
export const leaseTtlTooLarge = etcd(GRPC.outOfRange, 'too large lease TTL');
export const leaseNotFound = etcd(GRPC.notFound, 'requested lease not found');
export const memberNotFound = etcd(GRPC.notFound, 'member not found');
export const badLeaderTransferee = etcd(GRPC.failedPrecondition, 'bad leader transferee');
export const authNotEnabled = etcd(GRPC.failedPrecondition, 'authentication is not enabled');
export const rootUserNotExist = etcd(GRPC.failedPrecondition, 'root user does not exist');
export const userNotFound = etcd(GRPC.failedPrecondition, 'user name not found');
export const roleNotFound = etcd(GRPC.failedPrecondition, 'role name not found');
export const unsupported = (what: string): GrpcError => new GrpcError(GRPC.unimplemented, `kubernode: ${what}`);
/** Lease ids are kept as numbers. */
export const leaseIdTooLarge = (): GrpcError => new GrpcError(GRPC.invalidArgument, 'kubernode: lease ids go up to 2^53');

export function explain(error: unknown): GrpcError {
  if (error instanceof CompactedError) return compacted();
  if (error instanceof FutureRevisionError) return futureRevision();
  if (error instanceof LeaseNotFoundError) return leaseNotFound();
  if (error instanceof LeaseExistsError) return new GrpcError(GRPC.failedPrecondition, 'etcdserver: lease already exists');
  if (error instanceof TooLargeError) return requestTooLarge();
  if (error instanceof NoSpaceError || error instanceof DiskFullError) return new GrpcError(GRPC.resourceExhausted, 'etcdserver: mvcc: database space exceeded');
  if (error instanceof CorruptError) return new GrpcError(GRPC.dataLoss, 'etcdserver: corrupt cluster');
  if (error instanceof ProtobufError) return new GrpcError(GRPC.internal, `grpc: error unmarshalling request: ${error.message}`);
  if (error instanceof UnavailableError) return new GrpcError(GRPC.unavailable, error.unknown ? 'etcdserver: request timed out' : 'etcdserver: server stopped');
  return new GrpcError(GRPC.unknown, error instanceof Error ? error.message : String(error));
}
