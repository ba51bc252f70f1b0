/** Answers out of a text in the form of /etc/hosts. */
import type { DnsPlugin, DnsRecord } from '../plugin.ts';

const TTL_SECONDS = 3600;

export function hostsPlugin(text: string): DnsPlugin {
  const addresses = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [ip, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (ip === undefined || ip === '') continue;
    for (const name of names) addresses.set(name.toLowerCase(), [...addresses.get(name.toLowerCase()) ?? [], ip]);
  }
  return {
    name: 'hosts',
    async serve(question, next, signal) {
      const found = addresses.get(question.name);
      if (found === undefined || (question.type !== 'A' && question.type !== 'AAAA')) return next(question, signal);
      const answers = found.filter((ip) => ip.includes(':') === (question.type === 'AAAA'))
        .map((data): DnsRecord => ({ type: question.type as 'A' | 'AAAA', name: question.name, ttl: TTL_SECONDS, data }));
      return { code: 'NOERROR', answers, authoritative: true };
    },
  };
}
