/**
 * Records events about objects: what `kubectl describe` shows at its end.
 *
 * Core events (`v1`), as upstream's controllers and kubelet write them, go through the same mill as upstream's: a token
 * bucket per object and source against floods, similar events gathered into one, equal ones counted by a patch. A lost
 * event is never an error for the caller: recording returns at once, writing happens behind a bounded queue.
 * Events with an action (`events.k8s.io`, as the scheduler writes them) are in `action-recorder.ts`.
 */
import { rfc3339, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { events as coreEvents, type Event, type ObjectReference } from '#api/generated/core/v1';
import type { KubeObject } from '#machinery/meta';
import { isNotFound, StatusError } from '#machinery/status-error';
import type { Client } from '../client.ts';
import { TransportError } from '../transport.ts';
import { createCorrelator, type Correlated } from './correlator.ts';

/** What an event is about. Objects from typed lists lack kind and apiVersion: pass them. */
export type EventSubject = ObjectReference;

export interface EventRecorder {
  event(subject: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string, annotations?: Readonly<Record<string, string>>): void;
}

export interface EventSink extends EventRecorder {
  /** Waits until what was recorded is written, as far as it can be. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

export interface EventSinkOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** `deployment-controller`. */
  readonly component: string;
  readonly host?: string;
}

/** Events that wait to be written; further ones are dropped. */
export const WAITING_EVENTS_MAX = 1000;
const TRIES_MAX = 12;
const RETRY_MS = 10_000;
/** Messages longer than this are cut, as the API allows no more. */
const MESSAGE_LENGTH_MAX = 1024;

export function subjectOf(object: KubeObject, apiVersion: string, kind: string): EventSubject {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    kind, apiVersion, ...(name !== undefined && { name }), ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

export function createEventSink(options: EventSinkOptions): EventSink {
  const { client, clock, log } = options;
  const correlate = createCorrelator(clock);
  const stop = new AbortController();
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();

  async function write(correlated: Correlated): Promise<void> {
    const events = client.for(coreEvents, correlated.event.metadata.namespace);
    for (let attempt = 1; attempt <= TRIES_MAX && !stop.signal.aborted; attempt++) {
      try {
        if (correlated.patch !== undefined) {
          try {
            correlated.remember(await events.patch(correlated.event.metadata.name!, 'application/strategic-merge-patch+json', correlated.patch, { signal: stop.signal }));
            return;
          } catch (error) {
            if (!isNotFound(error)) throw error; // it expired: written anew
          }
        }
        correlated.remember(await events.create(correlated.event, { signal: stop.signal }));
        return;
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error instanceof StatusError) {
          log.debug('event refused', { error: error.message });
          return;
        }
        if (!(error instanceof TransportError)) throw error;
        await clock.sleep(RETRY_MS, stop.signal).catch(() => undefined);
      }
    }
  }

  return {
    event(subject, type, reason, message, annotations) {
      if (stop.signal.aborted || waiting >= WAITING_EVENTS_MAX) return;
      const correlated = correlate(newEvent(options, subject, type, reason, message, annotations));
      if (correlated === undefined) return;
      waiting++;
      tail = tail.then(() => write(correlated)).catch((error: unknown) => log.debug('event lost', { error })).finally(() => { waiting--; });
    },
    flush: () => tail,
    async stop() {
      stop.abort(new Error('event sink stopped'));
      await tail;
    },
  };
}

function newEvent(options: EventSinkOptions, subject: EventSubject, type: string, reason: string, message: string, annotations?: Readonly<Record<string, string>>): Event {
  const nowMs = options.clock.now();
  const time = rfc3339(nowMs);
  return {
    apiVersion: 'v1', kind: 'Event',
    metadata: {
      // Unique by its time, in nanoseconds and hexadecimal, as upstream's.
      name: `${subject.name ?? ''}.${(BigInt(Math.floor(nowMs)) * 1_000_000n + uniqueNanoseconds()).toString(16)}`,
      namespace: subject.namespace === undefined || subject.namespace === '' ? 'default' : subject.namespace,
      ...(annotations !== undefined && { annotations: { ...annotations } }),
    },
    involvedObject: subject, reason, message: message.slice(0, MESSAGE_LENGTH_MAX), type,
    source: { component: options.component, ...(options.host !== undefined && { host: options.host }) },
    reportingComponent: options.component, reportingInstance: options.host ?? '',
    firstTimestamp: time, lastTimestamp: time, count: 1,
  };
}

let nameCounter = 0n;

/** Several events of one millisecond, also of several recorders, get different names. */
function uniqueNanoseconds(): bigint {
  nameCounter = (nameCounter + 1n) % 1_000_000n;
  return nameCounter;
}
