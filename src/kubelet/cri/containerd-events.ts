/**
 * containerd's own event stream, as hints for the PLEG: "something happened to this container".
 *
 * Hints only: the stream may break or be absent (another runtime); whoever listens also relists. Decodes just the ids out of
 * the events' payloads.
 */
import type { Clock } from '#base/clock';
import { grpcService } from './grpc-call.ts';

const DESCRIPTOR = {
  nested: { containerd: { nested: { services: { nested: { events: { nested: { v1: { nested: {
    Events: { methods: { Subscribe: { requestType: 'SubscribeRequest', responseType: 'Envelope', responseStream: true } } },
    SubscribeRequest: { fields: { filters: { rule: 'repeated', type: 'string', id: 1 } } },
    Envelope: { fields: { namespace: { type: 'string', id: 2 }, topic: { type: 'string', id: 3 }, event: { type: 'Any', id: 4 } } },
    Any: { fields: { typeUrl: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
  } } } } } } } } },
};

const RETRY_MS = 1_000;
const TOPICS: ReadonlySet<string> = new Set(['/tasks/start', '/tasks/exit', '/tasks/oom', '/containers/create', '/containers/delete']);

export interface RuntimeHint { topic: string; containerId: string }

/**
 * Calls `onHint` until the signal aborts; reconnects by itself. `onConnected` is called at each (re)connection and loss.
 */
export async function watchContainerdEvents(
  options: { endpoint: string; clock: Clock; onHint(hint: RuntimeHint): void; onConnected?(connected: boolean): void }, signal: AbortSignal,
): Promise<void> {
  const service = grpcService(DESCRIPTOR, 'containerd.services.events.v1.Events', options.endpoint);
  try {
    while (!signal.aborted) {
      const unimplemented = await readStream(service.stream('Subscribe', { filters: ['namespace==k8s.io'] }), options, signal);
      options.onConnected?.(false);
      if (unimplemented || signal.aborted) return;
      await options.clock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
  } finally {
    service.close();
  }
}

type Stream = ReturnType<ReturnType<typeof grpcService>['stream']>;
const GRPC_UNIMPLEMENTED = 12;

/** Resolves when the stream has ended: true when the runtime does not know the service at all. */
function readStream(stream: Stream, options: { onHint(hint: RuntimeHint): void; onConnected?(connected: boolean): void }, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const onAbort = (): void => stream.cancel();
    const finish = (unimplemented: boolean): void => { signal.removeEventListener('abort', onAbort); resolve(unimplemented); };
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('metadata', () => options.onConnected?.(true));
    stream.on('data', (envelope: { topic: string; event?: { value: Buffer } }) => {
      if (!TOPICS.has(envelope.topic)) return;
      const containerId = firstString(envelope.event?.value ?? Buffer.alloc(0));
      if (containerId !== undefined) options.onHint({ topic: envelope.topic, containerId });
    });
    stream.on('error', (error: { code?: number }) => finish(error.code === GRPC_UNIMPLEMENTED));
    stream.on('end', () => finish(false));
  });
}

/** The string in field 1 of a protobuf message: the container id in all events asked for. */
function firstString(message: Buffer): string | undefined {
  if (message[0] !== 0x0a || message.length < 2) return undefined;
  const length = message[1]!;
  return length < 0x80 && message.length >= 2 + length ? message.toString('utf8', 2, 2 + length) : undefined;
}
