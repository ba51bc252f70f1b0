/** Access as a whole, on a real API server in this process over the memory engine. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pods, resourcequotas, secrets, serviceaccounts, namespaces, configmaps, nodes, type Pod } from '#api/generated/core/v1';
import { poddisruptionbudgets, type Eviction } from '#api/generated/policy/v1';
import { clusterrolebindings, clusterroles, rolebindings, roles, type PolicyRule, type Subject } from '#api/generated/rbac/v1';
import { systemClock, type Clock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { seededRandom, systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { createClient } from '#client/rest-client';
import { isForbidden, isTooManyRequests, type StatusError } from '#machinery/status-error';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { authenticateToken } from './authn/bearer-token.ts';
import { createApiServer, type ApiServer } from './server.ts';
import type { AuthorizationAttributes } from './authz/authorizer.ts';

const signal = new AbortController().signal;
let server: ApiServer;
let admin: Client;

/** Does not wait between attempts, however long it is told to. */
const hasty: Clock = { ...systemClock, sleep: () => Promise.resolve() };
const as = (name: string, groups: string[] = []): Client => createClient({ transport: server.transport({ name, groups }), clock: hasty, userAgent: 'test' });

before(async () => {
  server = createApiServer({
    storage: createMemoryStorage({ clock: systemClock }), clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry(),
    pki: clusterPki({ clock: systemClock, random: systemRandom }),
  });
  await server.start(signal);
  admin = as('admin', ['system:masters']);
  await admin.for(namespaces).create({ metadata: { name: 'test' } });
  await admin.for(serviceaccounts, 'test').create({ metadata: { name: 'default' } });
});

after(() => server.stop());

async function eventually(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await check()) return;
    await systemClock.sleep(10);
  }
  assert.fail(`never happened: ${what}`);
}

function pod(name: string, more: Partial<NonNullable<Pod['spec']>> = {}): Pod {
  return { metadata: { name, labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }], ...more } };
}

/** The rules as they read in the documentation, over plain lists: slow and separate. */
function oracle(question: AuthorizationAttributes, bindings: { namespace: string; role: string; subjects: Subject[] }[], rules: Map<string, PolicyRule[]>): boolean {
  const has = (list: string[] | undefined, value: string): boolean => (list ?? []).some((entry) => entry === '*' || entry === value);
  return bindings.some((binding) => {
    if (binding.namespace !== '' && binding.namespace !== question.namespace) return false;
    const mine = binding.subjects.some((subject) =>
      (subject.kind === 'User' && subject.name === question.user.name) || (subject.kind === 'Group' && question.user.groups.includes(subject.name))
      || (subject.kind === 'ServiceAccount' && question.user.name === `system:serviceaccount:${subject.namespace ?? binding.namespace}:${subject.name}`));
    return mine && (rules.get(binding.role) ?? []).some((rule) => {
      if (!has(rule.verbs, question.verb)) return false;
      if (!question.isResourceRequest) return (rule.nonResourceURLs ?? []).some((url) => url === question.path || (url.endsWith('*') && question.path.startsWith(url.slice(0, -1))));
      const target = question.subresource === '' ? question.resource : `${question.resource}/${question.subresource}`;
      const named = (rule.resourceNames ?? []).length === 0 || rule.resourceNames!.includes(question.name);
      const anySub = question.subresource !== '' && (rule.resources ?? []).includes(`*/${question.subresource}`);
      return has(rule.apiGroups, question.group) && (has(rule.resources, target) || anySub) && named;
    });
  });
}

test('RBAC decides as a separate oracle does (S13)', async () => {
  const random = seededRandom(7);
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  const some = <T>(list: readonly T[]): T[] => { const chosen = list.filter(() => random.next() < 0.4); return chosen.length === 0 ? [pick(list)] : chosen; };
  const verbs = ['get', 'list', 'create', 'delete', '*'];
  const groups = ['', 'apps', '*'];
  const resources = ['pods', 'pods/log', 'secrets', 'deployments', '*/log', '*'];
  const names = ['a', 'b'];
  const users = ['u1', 'u2', 'system:serviceaccount:ra:s1'];
  const userGroups = ['g1', 'g2'];
  const rules = new Map<string, PolicyRule[]>();
  const bindings: { namespace: string; role: string; subjects: Subject[] }[] = [];
  const randomRule = (): PolicyRule => (random.next() < 0.15
    ? { verbs: some(verbs), nonResourceURLs: some(['/a', '/a/*', '/b']) }
    : { verbs: some(verbs), apiGroups: some(groups), resources: some(resources), ...(random.next() < 0.3 ? { resourceNames: some(names) } : {}) });
  const randomSubject = (): Subject => pick([
    { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: pick(users) }, { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: pick(userGroups) },
    { kind: 'ServiceAccount', name: 's1', namespace: 'ra' },
  ]);
  for (const namespace of ['ra', 'rb']) await admin.for(namespaces).create({ metadata: { name: namespace } });
  for (let i = 0; i < 12; i++) {
    const clusterRule = [randomRule()];
    await admin.for(clusterroles).create({ metadata: { name: `o-${i}` }, rules: clusterRule });
    rules.set(`/o-${i}`, clusterRule);
    const namespace = pick(['ra', 'rb']);
    const local: PolicyRule[] = [{ verbs: some(verbs), apiGroups: some(groups), resources: some(resources) }];
    await admin.for(roles, namespace).create({ metadata: { name: `o-${i}` }, rules: local });
    rules.set(`${namespace}/o-${i}`, local);
    const subjects = [randomSubject(), randomSubject()];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', name: `o-${i}` };
    if (i % 3 === 0) {
      await admin.for(clusterrolebindings).create({ metadata: { name: `o-${i}` }, subjects, roleRef: { ...roleRef, kind: 'ClusterRole' } });
      bindings.push({ namespace: '', role: `/o-${i}`, subjects });
    } else {
      const kind = i % 3 === 1 ? 'ClusterRole' : 'Role';
      await admin.for(rolebindings, namespace).create({ metadata: { name: `o-${i}` }, subjects, roleRef: { ...roleRef, kind } });
      bindings.push({ namespace, role: kind === 'Role' ? `${namespace}/o-${i}` : `/o-${i}`, subjects });
    }
  }
  await admin.for(clusterrolebindings).create({ metadata: { name: 'o-last' }, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'last' }], roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' } });
  const ask = (question: AuthorizationAttributes): boolean => (server.access.authorizer.authorize(question) as { decision: string }).decision === 'allow';
  const base = { group: '', version: 'v1', namespace: '', resource: 'pods', subresource: '', name: '', path: '', isResourceRequest: true, verb: 'get' };
  await eventually(() => ask({ ...base, user: { name: 'last', groups: [] } }), 'the last binding is known');
  let allowed = 0;
  for (let i = 0; i < 20_000; i++) {
    const isResourceRequest = random.next() < 0.9;
    const question = {
      ...base, user: { name: pick(users), groups: some(userGroups).slice(0, random.integer(3)) }, verb: pick(['get', 'list', 'create', 'delete', 'watch']), isResourceRequest,
      ...(isResourceRequest
        ? { group: pick(['', 'apps', 'batch']), resource: pick(['pods', 'secrets', 'deployments', 'jobs']), subresource: pick(['', '', 'log', 'exec']), name: pick(['', 'a', 'b', 'c']), namespace: pick(['', 'ra', 'rb', 'rc']) }
        : { path: pick(['/a', '/a/x', '/ab', '/b', '/c']) }),
    };
    const expected = oracle(question, bindings, rules);
    if (expected) allowed++;
    assert.equal(ask(question), expected, JSON.stringify(question));
  }
  assert.ok(allowed > 1000 && allowed < 19_000, `the questions are worth asking: ${allowed}`);
});

test('a bound token ends with its pod, at once (S6)', async () => {
  await admin.for(pods, 'test').create(pod('bound'));
  const { metadata } = await admin.for(pods, 'test').get('bound');
  const answer = await admin.for(serviceaccounts, 'test').createSubresource<object, { status: { token: string } }>('default', 'token', {
    apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'bound', uid: metadata.uid } },
  });
  const check = (): ReturnType<typeof authenticateToken> =>
    authenticateToken(answer.status.token, ['https://kubernetes.default.svc.cluster.local'], server.access.tokenAuthenticators, signal);
  const good = await check();
  assert.ok(good.kind === 'user');
  assert.equal(good.user.name, 'system:serviceaccount:test:default');
  assert.deepEqual(good.user.extra!['authentication.kubernetes.io/pod-name'], ['bound']);
  await admin.for(pods, 'test').delete('bound', { gracePeriodSeconds: 0 });
  await eventually(async () => (await check()).kind === 'invalid', 'the token is refused');
  await admin.for(pods, 'test').create(pod('bound'));
  assert.equal((await check()).kind, 'invalid', 'nor does it count for a pod of the same name');
});

test('any number of evictors together keep the budget (R33)', async () => {
  const evict = (name: string): Promise<unknown> => admin.for(pods, 'test').createSubresource<Eviction>(name, 'eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } } as Eviction);
  const names = Array.from({ length: 20 }, (_each, i) => `e-${i}`);
  for (const name of names) {
    await admin.for(pods, 'test').create({ ...pod(name), metadata: { name, labels: { app: 'evicted' } } });
    const created = await admin.for(pods, 'test').get(name);
    await admin.for(pods, 'test').updateStatus({ ...created, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } });
  }
  await admin.for(poddisruptionbudgets, 'test').create({ metadata: { name: 'b' }, spec: { selector: { matchLabels: { app: 'evicted' } }, minAvailable: 17 } });
  await assert.rejects(evict('e-0'), (error) => { assert.ok(isTooManyRequests(error), String(error)); return true; }, 'a budget that nobody has looked at yet lets nothing through');
  const budget = await admin.for(poddisruptionbudgets, 'test').get('b');
  await admin.for(poddisruptionbudgets, 'test').updateStatus({
    ...budget, status: { observedGeneration: budget.metadata.generation ?? 1, disruptionsAllowed: 3, currentHealthy: 20, desiredHealthy: 17, expectedPods: 20 },
  });
  const results = await Promise.allSettled(names.map(evict));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
  for (const result of results) if (result.status === 'rejected') assert.ok(isTooManyRequests(result.reason), String(result.reason));
  assert.equal((await admin.for(poddisruptionbudgets, 'test').get('b')).status?.disruptionsAllowed, 0);
});

test('any number of creators together keep the quota (R33)', async () => {
  await admin.for(namespaces).create({ metadata: { name: 'quota' } });
  await admin.for(resourcequotas, 'quota').create({ metadata: { name: 'q' }, spec: { hard: { configmaps: '10' } } });
  const quota = await admin.for(resourcequotas, 'quota').get('q');
  await admin.for(resourcequotas, 'quota').updateStatus({ ...quota, status: { hard: { configmaps: '10' }, used: { configmaps: '0' } } });
  const results = await Promise.allSettled(Array.from({ length: 50 }, (_each, i) => admin.for(configmaps, 'quota').create({ metadata: { name: `c-${i}` } })));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 10);
  const refusal = results.find((result) => result.status === 'rejected');
  assert.match(String((refusal as PromiseRejectedResult).reason.message), /exceeded quota: q, requested: configmaps=1, used: configmaps=10, limited: configmaps=10/);
  assert.equal((await admin.for(resourcequotas, 'quota').get('q')).status?.used?.['configmaps'], '10');
});

test('a node reads what its own pods need, as long as they are there (S22)', async () => {
  for (const name of ['mine', 'theirs']) await admin.for(secrets, 'test').create({ metadata: { name } });
  for (const name of ['n1', 'n2']) await admin.for(nodes).create({ metadata: { name } });
  const volumes = (secretName: string): Partial<NonNullable<Pod['spec']>> => ({ volumes: [{ name: 'v', secret: { secretName } }] });
  await admin.for(pods, 'test').create(pod('on-n1', { nodeName: 'n1', ...volumes('mine') }));
  await admin.for(pods, 'test').create(pod('on-n2', { nodeName: 'n2', ...volumes('theirs') }));
  const n1 = as('system:node:n1', ['system:nodes']);
  const reads = (name: string): Promise<boolean> => n1.for(secrets, 'test').get(name).then(() => true, (error: unknown) => { assert.ok(isForbidden(error)); return false; });
  await eventually(() => reads('mine'), 'the node reads its own secret');
  assert.equal(await reads('theirs'), false);
  await assert.rejects(n1.for(secrets, 'test').list(), isForbidden);
  await assert.rejects(n1.for(nodes).get('n2'), isForbidden);
  await admin.for(pods, 'test').delete('on-n1', { gracePeriodSeconds: 0 });
  await eventually(async () => !await reads('mine'), 'the right goes with the pod');
});

test('nobody grants what he does not hold', async () => {
  await admin.for(clusterroles).create({ metadata: { name: 'grants' }, rules: [{ verbs: ['create', 'get'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'] }] });
  await admin.for(rolebindings, 'test').create({
    metadata: { name: 'grants' }, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'eve' }], roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'grants' },
  });
  const eve = as('eve');
  await eventually(() => eve.for(roles, 'test').get('none').then(() => true, (error: unknown) => (error as StatusError).code === 404), 'eve may read roles');
  await eve.for(roles, 'test').create({ metadata: { name: 'own' }, rules: [{ verbs: ['get'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'] }] });
  await assert.rejects(eve.for(roles, 'test').create({ metadata: { name: 'more' }, rules: [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'] }] }), /not currently held/);
  await assert.rejects(eve.for(rolebindings, 'test').create({
    metadata: { name: 'more' }, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'eve' }], roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  }), /not currently held/);
});
