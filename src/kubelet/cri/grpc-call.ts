/**
 * One unary gRPC call over a unix socket with a deadline and an AbortSignal, errors as `CriError`.
 */
import * as grpc from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { systemClock } from '#base/clock';
import { CriError, type CriErrorCode } from './contract.ts';

type Json = Parameters<typeof fromJSON>[0];

const CODES: Partial<Record<grpc.status, CriErrorCode>> = {
  [grpc.status.NOT_FOUND]: 'not-found',
  [grpc.status.ALREADY_EXISTS]: 'already-exists',
  [grpc.status.DEADLINE_EXCEEDED]: 'deadline-exceeded',
  [grpc.status.UNAVAILABLE]: 'unavailable',
  [grpc.status.UNIMPLEMENTED]: 'unimplemented',
  [grpc.status.INVALID_ARGUMENT]: 'invalid-argument',
};

/** Largest message taken from the runtime: thousands of containers with their labels. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

/** A dead daemon's socket is tried again at this pace. */
const RECONNECT_MS_MAX = 1_000;

export type UnaryCall = <R>(method: string, request: object, timeoutMs: number, signal?: AbortSignal) => Promise<R>;

export interface GrpcService {
  readonly call: UnaryCall;
  stream(method: string, request: object): grpc.ClientReadableStream<unknown>;
  close(): void;
}

/** @param endpoint `unix:///run/…` or a bare path. */
export function grpcService(descriptor: object, serviceName: string, endpoint: string): GrpcService {
  const definition = fromJSON(descriptor as Json, { longs: String, enums: String, defaults: true });
  let node: unknown = grpc.loadPackageDefinition(definition);
  for (const part of serviceName.split('.')) node = (node as Record<string, unknown>)[part];
  const client = new (node as grpc.ServiceClientConstructor)(target(endpoint), grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.default_authority': 'localhost',
  });
  return {
    call: (method, request, timeoutMs, signal) => unary(client, method, request, timeoutMs, signal),
    stream: (method, request) => (client[method] as (r: object) => grpc.ClientReadableStream<unknown>).call(client, request),
    close: () => client.close(),
  };
}

function target(endpoint: string): string {
  return endpoint.startsWith('/') ? `unix://${endpoint}` : endpoint;
}

type UnaryMethod = (request: object, metadata: grpc.Metadata, options: grpc.CallOptions, done: (error: grpc.ServiceError | null, answer: unknown) => void) => grpc.ClientUnaryCall;

function unary<R>(client: grpc.Client, method: string, request: object, timeoutMs: number, signal?: AbortSignal): Promise<R> {
  return new Promise<R>((resolve, reject) => {
    if (signal?.aborted === true) { reject(signal.reason); return; }
    const options: grpc.CallOptions = timeoutMs > 0 ? { deadline: deadline(timeoutMs) } : {};
    const onAbort = (): void => call.cancel();
    const invoke = (client as unknown as Record<string, UnaryMethod>)[method]!;
    const call = invoke.call(client, request, new grpc.Metadata(), options, (error, answer) => {
      signal?.removeEventListener('abort', onAbort);
      if (error === null) resolve(answer as R);
      else if (signal?.aborted === true) reject(signal.reason);
      else reject(new CriError(CODES[error.code] ?? 'unknown', error.details === '' ? error.message : error.details, { cause: error }));
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** gRPC compares it with the machine's own clock, whatever time the caller lives in. */
function deadline(timeoutMs: number): number {
  return systemClock.now() + timeoutMs;
}
