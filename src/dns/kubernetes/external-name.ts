/**
 * Follows external names: an answer that is only an alias gets the records of the name it points to, wherever they come from,
 * because stub resolvers do not ask again. A target that cannot be resolved leaves the alias alone.
 */
import type { DnsQuestion, DnsReply } from '../plugin.ts';

/** Aliases followed for one question; loops end here. */
const ALIASES_MAX = 8;
const ADDRESS_TYPES: ReadonlySet<string> = new Set(['A', 'AAAA']);

export async function withTarget(question: DnsQuestion, reply: DnsReply, ask: (target: DnsQuestion) => Promise<DnsReply>): Promise<DnsReply> {
  if (!ADDRESS_TYPES.has(question.type)) return reply;
  const answers = [...reply.answers];
  const seen = new Set([question.name]);
  for (let followed = 0; followed < ALIASES_MAX; followed++) {
    const last = answers.at(-1);
    if (last?.type !== 'CNAME') break;
    const name = String(last.data).toLowerCase().replace(/\.$/, '');
    if (name === '' || seen.has(name)) break;
    seen.add(name);
    const more = await ask({ name, type: question.type });
    if (more.code !== 'NOERROR' || more.answers.length === 0) break;
    answers.push(...more.answers);
  }
  return answers.length === reply.answers.length ? reply : { ...reply, answers };
}
