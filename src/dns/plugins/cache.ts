/**
 * Keeps answers of the plugins behind it for as long as their TTL says, within limits; an answer past its time is still given when
 * the upstream fails (RFC 8767), so that a short outage of the resolver does not become one of the cluster.
 */
import type { Clock } from '#base/clock';
import type { DnsPlugin, DnsRecord, DnsReply } from '../plugin.ts';

const ENTRIES_MAX = 10_000;
const POSITIVE_TTL_SECONDS_MAX = 30;
const NEGATIVE_TTL_SECONDS_MAX = 30;
const NEGATIVE_TTL_SECONDS_DEFAULT = 5;
const STALE_SECONDS_MAX = 3_600;

interface Entry { readonly reply: DnsReply; readonly storedMs: number; readonly ttlSeconds: number }

export function cachePlugin(clock: Clock): DnsPlugin {
  /** Insertion order is age: the first is the one to go. */
  const entries = new Map<string, Entry>();
  return {
    name: 'cache',
    async serve(question, next, signal) {
      const key = `${question.type} ${question.name}`;
      const entry = entries.get(key);
      const ageSeconds = entry === undefined ? Infinity : (clock.monotonicNow() - entry.storedMs) / 1000;
      if (entry !== undefined && ageSeconds < entry.ttlSeconds) return aged(entry.reply, ageSeconds);
      const reply = await next(question, signal);
      if (reply.code === 'SERVFAIL' && entry !== undefined && ageSeconds < entry.ttlSeconds + STALE_SECONDS_MAX) return aged(entry.reply, ageSeconds);
      const ttlSeconds = ttlOf(reply);
      if (ttlSeconds > 0) {
        entries.delete(key);
        entries.set(key, { reply, storedMs: clock.monotonicNow(), ttlSeconds });
        if (entries.size > ENTRIES_MAX) entries.delete(entries.keys().next().value!);
      }
      return reply;
    },
  };
}

function ttlOf(reply: DnsReply): number {
  if (reply.code === 'NOERROR' && reply.answers.length > 0) return Math.min(POSITIVE_TTL_SECONDS_MAX, ...reply.answers.map(ttlSeconds));
  if (reply.code !== 'NOERROR' && reply.code !== 'NXDOMAIN') return 0;
  const soa = reply.authorities?.find((record) => record.type === 'SOA');
  return Math.min(NEGATIVE_TTL_SECONDS_MAX, soa === undefined ? NEGATIVE_TTL_SECONDS_DEFAULT : ttlSeconds(soa));
}

function ttlSeconds(record: DnsRecord): number {
  return 'ttl' in record ? record.ttl ?? 0 : 0;
}

function aged(reply: DnsReply, ageSeconds: number): DnsReply {
  const age = (record: DnsRecord): DnsRecord => ('ttl' in record ? { ...record, ttl: Math.max(1, (record.ttl ?? 0) - Math.floor(ageSeconds)) } as DnsRecord : record);
  return { ...reply, answers: reply.answers.map(age) };
}
