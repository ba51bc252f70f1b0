/**
 * Records events of `events.k8s.io/v1`, which say what was done (`action`) and to what else (`related`).
 *
 * Equal events within six minutes become a series: the first is written as it is, repetitions only raise its count, which
 * is written every half hour and when the series ends. Recording never fails and never waits.
 */
import { rfc3339Micro, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { ObjectReference } from '#api/generated/core/v1';
import { events, type Event } from '#api/generated/events/v1';
import { isNotFound } from '#machinery/status-error';
import type { Client } from '../client.ts';

export interface ActionRecorder {
  event(regarding: ObjectReference, related: ObjectReference | undefined, type: 'Normal' | 'Warning', reason: string, action: string, note: string): void;
}

export interface ActionSink extends ActionRecorder {
  flush(): Promise<void>;
  stop(): Promise<void>;
}

export interface ActionSinkOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** `default-scheduler`. */
  readonly controller: string;
  /** `default-scheduler-host`. */
  readonly instance: string;
}

/** For what still waits to be written when the sink stops. */
const STOP_MS_MAX = 1_000;
/** A series ends when it was not repeated for so long. */
const SERIES_QUIET_MS = 360_000;
const SERIES_WRITE_MS = 1_800_000;
const SERIES_MAX = 4096;
const WAITING_MAX = 1000;
const NOTE_LENGTH_MAX = 1024;

interface Series { event: Event; count: number; lastMs: number; writtenMs: number; written: boolean; dirty: boolean }

export function createActionSink(options: ActionSinkOptions): ActionSink {
  const { client, clock, log } = options;
  const series = new Map<string, Series>();
  const stop = new AbortController();
  let tail: Promise<void> = Promise.resolve();
  let waiting = 0;
  let counter = 0n;
  let sweep = clock.setTimer(SERIES_QUIET_MS, finishQuiet, { unref: true });

  function enqueue(write: () => Promise<void>): void {
    if (waiting >= WAITING_MAX) return;
    waiting++;
    tail = tail.then(write).catch((error: unknown) => { if (!stop.signal.aborted) log.debug('event lost', { error }); }).finally(() => { waiting--; });
  }

  function writeSeries(entry: Series): void {
    entry.dirty = false;
    entry.writtenMs = clock.monotonicNow();
    const patch = { series: { count: entry.count, lastObservedTime: rfc3339Micro(clock.now()) } };
    enqueue(async () => {
      try {
        await client.for(events, entry.event.metadata.namespace).patch(entry.event.metadata.name!, 'application/merge-patch+json', patch, { signal: stop.signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        const { resourceVersion: _, ...metadata } = entry.event.metadata;
        await client.for(events, metadata.namespace).create({ ...entry.event, metadata, ...patch }, { signal: stop.signal });
      }
    });
  }

  function finishQuiet(): void {
    const nowMs = clock.monotonicNow();
    for (const [key, entry] of series) {
      if (entry.dirty && (nowMs - entry.lastMs > SERIES_QUIET_MS || nowMs - entry.writtenMs > SERIES_WRITE_MS)) writeSeries(entry);
      if (nowMs - entry.lastMs > SERIES_QUIET_MS) series.delete(key);
    }
    if (!stop.signal.aborted) sweep = clock.setTimer(SERIES_QUIET_MS, finishQuiet, { unref: true });
  }

  function newEvent(regarding: ObjectReference, related: ObjectReference | undefined, type: string, reason: string, action: string, note: string): Event {
    const nowMs = clock.now();
    counter = (counter + 1n) % 1_000_000n;
    return {
      apiVersion: 'events.k8s.io/v1', kind: 'Event',
      metadata: { name: `${regarding.name ?? ''}.${(BigInt(Math.floor(nowMs)) * 1_000_000n + counter).toString(16)}`, namespace: regarding.namespace || 'default' },
      eventTime: rfc3339Micro(nowMs), reportingController: options.controller, reportingInstance: options.instance,
      action, reason, regarding, ...(related && { related }), note: note.slice(0, NOTE_LENGTH_MAX), type,
    };
  }

  return {
    event(regarding, related, type, reason, action, note) {
      if (stop.signal.aborted) return;
      const key = [type, action, reason, options.controller, options.instance, regarding.kind, regarding.namespace, regarding.name, regarding.uid, related?.kind, related?.name].join('|');
      const nowMs = clock.monotonicNow();
      const known = series.get(key);
      if (known !== undefined && nowMs - known.lastMs <= SERIES_QUIET_MS) {
        known.count++;
        known.lastMs = nowMs;
        if (known.count === 2 || known.event.note !== note) { known.event.note = note; writeSeries(known); } else known.dirty = true;
        return;
      }
      if (series.size >= SERIES_MAX) series.delete(series.keys().next().value!);
      const entry: Series = { event: newEvent(regarding, related, type, reason, action, note), count: 1, lastMs: nowMs, writtenMs: nowMs, written: false, dirty: false };
      series.set(key, entry);
      enqueue(async () => { await client.for(events, entry.event.metadata.namespace).create(entry.event, { signal: stop.signal }); });
    },
    flush: () => tail,
    async stop() {
      sweep.cancel();
      for (const entry of series.values()) if (entry.dirty) writeSeries(entry);
      // The limit ends with the sink: no timer outlives it.
      await Promise.race([tail, clock.sleep(STOP_MS_MAX, stop.signal).catch(() => undefined)]);
      stop.abort(new Error('event sink stopped'));
    },
  };
}
