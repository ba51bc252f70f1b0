import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import type { ApiRequest, ApiResponse, UserInfo } from '../request.ts';
import { parseRequestInfo } from '../request-info.ts';
import { createAuditLog, type AuditLog } from './audit-log.ts';
import type { AuditEvent } from './event.ts';
import { fileSink } from './file-sink.ts';
import { auditDecision, parseAuditPolicy } from './policy.ts';

const policyOf = (rules: string): ReturnType<typeof parseAuditPolicy> => parseAuditPolicy(`{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [${rules}]}`, 'p');
const user: UserInfo = { name: 'eve', groups: ['g', 'system:authenticated'] };

test('faults of policies name their field', () => {
  const cases: [string, RegExp][] = [
    ['', /p: rules: must hold at least one rule/],
    ['{level: Loud}', /rules\[0\]\.level: must be one of None/],
    ['{level: None, userz: [a]}', /rules\[0\]\.userz: unknown field/],
    ['{level: None, users: a}', /rules\[0\]\.users: must be a list of strings/],
    ['{level: None}, {level: None, omitStages: [Last]}', /rules\[1\]\.omitStages/],
    ['{level: None, nonResourceURLs: ["/a*b"]}', /may have a \* at its end only/],
    ['{level: None, nonResourceURLs: ["/a"], namespaces: [n]}', /both regular resources and non-resource URLs/],
    ['{level: None, resources: [{group: "", resourceNames: [x]}]}', /requires at least one resource/],
    ['{level: None, resources: [null]}', /rules\[0\]\.resources\[0\]/],
  ];
  for (const [rules, fault] of cases) assert.throws(() => policyOf(rules), fault, rules);
  assert.throws(() => parseAuditPolicy('kind: Policy', 'p'), /audit\.k8s\.io\/v1/);
  assert.throws(() => parseAuditPolicy('{', 'p'), /^Error: p: /);
});

test('the first rule that matches decides', () => {
  const cases: [rules: string, method: string, target: string, level: string][] = [
    ['{level: Metadata}', 'GET', '/healthz', 'Metadata'],
    ['{level: Request, users: [eve]}, {level: Metadata}', 'GET', '/healthz', 'Request'],
    ['{level: Request, userGroups: [other]}, {level: Metadata}', 'GET', '/healthz', 'Metadata'],
    ['{level: Request, verbs: [list]}', 'GET', '/api/v1/pods', 'Request'],
    ['{level: Request, verbs: [list]}', 'GET', '/api/v1/namespaces/n/pods/p', 'None'],
    ['{level: Request, nonResourceURLs: ["/health*"]}', 'GET', '/healthz', 'Request'],
    ['{level: Request, nonResourceURLs: ["*"]}', 'GET', '/api/v1/pods', 'None'],
    ['{level: Request, resources: [{group: ""}]}', 'GET', '/api/v1/pods', 'Request'],
    ['{level: Request, resources: [{group: "", resources: [pods]}]}', 'GET', '/api/v1/namespaces/n/pods/p/log', 'None'],
    ['{level: Request, resources: [{group: "", resources: ["pods/*"]}]}', 'GET', '/api/v1/namespaces/n/pods/p/log', 'Request'],
    ['{level: Request, resources: [{group: "", resources: ["*/log"]}]}', 'GET', '/api/v1/namespaces/n/pods/p/log', 'Request'],
    ['{level: Request, resources: [{group: "", resources: [pods], resourceNames: [q]}]}', 'GET', '/api/v1/namespaces/n/pods/p', 'None'],
    ['{level: Request, namespaces: [""]}', 'GET', '/api/v1/nodes', 'Request'],
  ];
  for (const [rules, method, target, level] of cases) assert.equal(auditDecision(policyOf(rules), user, parseRequestInfo(method, target)).level, level, `${rules} ${target}`);
});

function setUp(rules: string): { log: AuditLog; events: AuditEvent[]; begin(method: string, target: string, body?: string): NonNullable<ReturnType<AuditLog['begin']>> } {
  const events: AuditEvent[] = [];
  const log = createAuditLog({ policy: policyOf(rules), clock: new VirtualClock(), sink: { write: (line) => { assert.ok(line.endsWith('\n')); events.push(JSON.parse(line) as AuditEvent); } } });
  return { log, events, begin: (method, target, body = '') => log.begin({ ...arrival(method, target, body), user })! };
}

function arrival(method: string, target: string, body: string): { request: ApiRequest; info: ReturnType<typeof parseRequestInfo>; auditId: string; arrivedMs: number } {
  const request: ApiRequest = {
    method, target, headers: { 'user-agent': 'test', authorization: 'Bearer secret' }, signal: new AbortController().signal, connection: { remoteAddress: '192.0.2.1', tls: true }, readBody: async () => Buffer.from(body),
  };
  return { request, info: parseRequestInfo(method, target), auditId: 'id', arrivedMs: 0 };
}

const json = (status: number, body: unknown): ApiResponse => ({ status, headers: {}, body: Buffer.from(JSON.stringify(body)) });

test('a request leaves received and complete, with what the level keeps', () => {
  for (const [level, request, response] of [['Metadata', false, false], ['Request', true, false], ['RequestResponse', true, true]] as const) {
    const { begin, events } = setUp(`{level: ${level}}`);
    const record = begin('POST', '/api/v1/namespaces/n/configmaps');
    record.authorized({ decision: 'allow', reason: 'because' });
    record.requestObject({ metadata: { name: 'made' }, data: { k: 'v' } });
    record.respond(json(201, { kind: 'ConfigMap', metadata: { name: 'made' } }), false);
    assert.deepEqual(events.map(({ stage }) => stage), ['RequestReceived', 'ResponseComplete']);
    const last = events[1]!;
    assert.deepEqual([last.requestObject !== undefined, last.responseObject !== undefined, last.responseStatus!.code], [request, response, 201]);
    assert.deepEqual(last.annotations, { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': 'because' });
    assert.deepEqual(last.objectRef, { resource: 'configmaps', namespace: 'n', name: 'made', apiVersion: 'v1' });
    assert.ok(!JSON.stringify(events).includes('secret'), 'no credentials');
  }
});

test('a watch starts, and completes when its stream ends, however it ends', async () => {
  const { begin, events } = setUp('{level: Metadata}');
  async function* pieces(): AsyncGenerator<Buffer> { yield Buffer.from('a'); yield Buffer.from('b'); }
  const response = begin('GET', '/api/v1/pods?watch=true').respond({ status: 200, headers: {}, body: pieces() }, true);
  assert.deepEqual(events.map(({ stage }) => stage), ['RequestReceived', 'ResponseStarted']);
  for await (const _piece of response.body as AsyncIterable<Buffer>) break;
  assert.equal(events.at(-1)!.stage, 'ResponseComplete');
});

test('a patch is kept as it came, without what is not to be kept', async () => {
  const { begin, events } = setUp('{level: RequestResponse, omitManagedFields: true, omitStages: [RequestReceived]}');
  const record = begin('PATCH', '/api/v1/namespaces/n/configmaps/c', '{"metadata":{"managedFields":[]},"data":{"k":"v"}}');
  await record.watchBody(arrival('PATCH', '/', '{"metadata":{"managedFields":[]},"data":{"k":"v"}}').request).readBody(100);
  record.respond(json(403, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Forbidden', code: 403 }), false);
  assert.deepEqual(events[0]!.requestObject, { metadata: {}, data: { k: 'v' } });
  assert.deepEqual(events[0]!.responseStatus, { metadata: {}, status: 'Failure', reason: 'Forbidden', code: 403 });
});

test('a refused login is one event, of nobody', () => {
  const { log, events } = setUp('{level: Metadata}');
  log.refuseLogin(arrival('GET', '/api/v1/pods', ''), { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Unauthorized', code: 401 });
  assert.deepEqual(events.map(({ stage, user: who, responseStatus }) => [stage, who, responseStatus!.code]), [['ResponseStarted', {}, 401]]);
});

test('the file is private, turned over by size, and only so many are kept; a lost directory stops nobody', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'audit-'));
  const clock = new VirtualClock();
  try {
    const path = join(directory, 'audit.log');
    const sink = fileSink({ path, bytesMax: 10, filesMax: 2, clock, log: silentLogger });
    for (const line of ['one-one\n', 'two-two\n', 'three\n', 'four-four\n', 'five-five\n']) {
      sink.write(line);
      await clock.advance(1000);
    }
    await sink.close();
    assert.equal(readFileSync(path, 'utf8'), 'five-five\n');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readdirSync(directory).length, 3);
    const lost = fileSink({ path: join(directory, 'gone', 'audit.log'), bytesMax: 10, clock, log: silentLogger });
    rmSync(join(directory, 'gone'), { recursive: true });
    for (const line of ['one-one\n', 'two-two\n', 'three\n']) lost.write(line);
    await lost.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
