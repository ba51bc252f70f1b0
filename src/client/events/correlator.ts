/**
 * Upstream's event correlation: spam filter → aggregation of similar events → counting of equal ones.
 *
 *     more than 25 events of one source about one object, one more each 5 minutes       dropped
 *     more than 10 different messages of a (source, object, type, reason) in 10 minutes "(combined from similar events): …"
 *     an equal event again                                                              patch of count and lastTimestamp
 */
import { LRUCache } from 'lru-cache';
import { rfc3339, type Clock } from '#base/clock';
import type { Event } from '#api/generated/core/v1';

const CACHE_ENTRIES_MAX = 4096;
const SPAM_BURST = 25;
const SPAM_REFILL_MS = 300_000;
const SIMILAR_MAX = 10;
const SIMILAR_WINDOW_MS = 600_000;

export interface Correlated {
  readonly event: Event;
  /** Set when the event exists already: what to change. */
  readonly patch?: unknown;
  /** To be called with the server's answer. */
  remember(stored: Event): void;
}

interface Observation { count: number; firstTimestamp: string; name: string; resourceVersion: string }

/** @returns a function that gives undefined for what is not to be written. */
export function createCorrelator(clock: Clock): (event: Event) => Correlated | undefined {
  const buckets = new LRUCache<string, { tokens: number; atMs: number }>({ max: CACHE_ENTRIES_MAX });
  const similar = new LRUCache<string, { messages: Set<string>; atMs: number }>({ max: CACHE_ENTRIES_MAX });
  const seen = new LRUCache<string, Observation>({ max: CACHE_ENTRIES_MAX });

  function isSpam(event: Event): boolean {
    const key = `${sourceKey(event)}|${subjectKey(event)}`;
    const nowMs = clock.monotonicNow();
    const bucket = buckets.get(key) ?? { tokens: SPAM_BURST, atMs: nowMs };
    bucket.tokens = Math.min(SPAM_BURST, bucket.tokens + (nowMs - bucket.atMs) / SPAM_REFILL_MS);
    bucket.atMs = nowMs;
    buckets.set(key, bucket);
    if (bucket.tokens < 1) return true;
    bucket.tokens--;
    return false;
  }

  /** The event to write in its place, and the key under which it is counted. */
  function aggregate(event: Event): { event: Event; key: string } {
    const group = `${sourceKey(event)}|${subjectKey(event)}|${event.type}|${event.reason}|${event.reportingComponent}`;
    const nowMs = clock.monotonicNow();
    let record = similar.get(group);
    if (record === undefined || nowMs - record.atMs > SIMILAR_WINDOW_MS) record = { messages: new Set(), atMs: nowMs };
    record.messages.add(event.message ?? '');
    record.atMs = nowMs;
    similar.set(group, record);
    if (record.messages.size < SIMILAR_MAX) return { event, key: `${group}|${event.message}` };
    record.messages.delete(record.messages.values().next().value!);
    return { event: { ...event, message: `(combined from similar events): ${event.message}` }, key: group };
  }

  return (incoming) => {
    const { event, key } = aggregate(incoming);
    if (isSpam(event)) return undefined;
    const last = seen.get(key);
    const count = (last?.count ?? 0) + 1;
    const observation: Observation = last ?? { count, firstTimestamp: event.firstTimestamp!, name: '', resourceVersion: '' };
    observation.count = count;
    seen.set(key, observation);
    const remember = (stored: Event): void => {
      observation.name = stored.metadata.name!;
      observation.resourceVersion = stored.metadata.resourceVersion ?? '';
    };
    if (last === undefined || last.name === '') return { event, remember };
    const counted: Event = { ...event, metadata: { ...event.metadata, name: last.name }, count, firstTimestamp: last.firstTimestamp, lastTimestamp: rfc3339(clock.now()) };
    return { event: counted, patch: { count, lastTimestamp: counted.lastTimestamp, message: event.message }, remember };
  };
}

function sourceKey(event: Event): string {
  return `${event.source?.component ?? ''}|${event.source?.host ?? ''}`;
}

function subjectKey(event: Event): string {
  const { kind, namespace, name, uid, apiVersion } = event.involvedObject;
  return [kind, namespace, name, uid, apiVersion].join('|');
}
