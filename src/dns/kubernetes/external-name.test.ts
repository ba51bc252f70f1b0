import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DnsQuestion, DnsRecord, DnsReply } from '../plugin.ts';
import { withTarget } from './external-name.ts';

const NAMES: Record<string, DnsRecord> = {
  out: { type: 'CNAME', name: 'out', data: 'Web.', ttl: 5 },
  twice: { type: 'CNAME', name: 'twice', data: 'out', ttl: 5 },
  round: { type: 'CNAME', name: 'round', data: 'robin', ttl: 5 },
  robin: { type: 'CNAME', name: 'robin', data: 'round', ttl: 5 },
  lost: { type: 'CNAME', name: 'lost', data: 'nowhere', ttl: 5 },
  web: { type: 'A', name: 'web', data: '10.0.0.1', ttl: 5 },
};

async function ask({ name }: DnsQuestion): Promise<DnsReply> {
  const record = NAMES[name];
  return record === undefined ? { code: 'NXDOMAIN', answers: [] } : { code: 'NOERROR', answers: [record] };
}

const CASES: { name: string; question: DnsQuestion; expect: string[] }[] = [
  { name: 'no alias', question: { name: 'web', type: 'A' }, expect: ['web A'] },
  { name: 'an alias gets its target', question: { name: 'out', type: 'A' }, expect: ['out CNAME', 'web A'] },
  { name: 'an alias of an alias', question: { name: 'twice', type: 'AAAA' }, expect: ['twice CNAME', 'out CNAME', 'web A'] },
  { name: 'a loop ends', question: { name: 'round', type: 'A' }, expect: ['round CNAME', 'robin CNAME'] },
  { name: 'a target that is not there', question: { name: 'lost', type: 'A' }, expect: ['lost CNAME'] },
  { name: 'who asks for the alias gets the alias', question: { name: 'out', type: 'CNAME' }, expect: ['out CNAME'] },
];

for (const { name, question, expect } of CASES) {
  test(name, async () => {
    const reply = await withTarget(question, await ask(question), ask);
    assert.deepEqual([reply.code, ...reply.answers.map((record) => `${record.name} ${record.type}`)], ['NOERROR', ...expect]);
  });
}
