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

interface Caches {
  readonly buckets: LRUCache<string, { tokens: number; atMs: number }>;
  readonly similar: LRUCache<string, { messages: Set<string>; atMs: number }>;
  readonly seen: LRUCache<string, Observation>;
}

function newCaches(): Caches {
  const options = { max: CACHE_ENTRIES_MAX };
  return { buckets: new LRUCache(options), similar: new LRUCache(options), seen: new LRUCache(options) };
}

/** @returns a function that gives undefined for what is not to be written. */
export function createCorrelator(clock: Clock): (event: Event) => Correlated | undefined {
  // A cache takes its whole room at once, and most recorders never record anything.
  let caches: Caches | undefined;

  function isSpam(event: Event, { buckets }: Caches): boolean {
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
  function aggregate(event: Event, { similar }: Caches): { event: Event; key: string } {
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
    caches ??= newCaches();
    const { seen } = caches;
    const { event, key } = aggregate(incoming, caches);
    if (isSpam(event, caches)) return undefined;
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
