/** Admission policies through the whole server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer, type Body, type TestServer } from '../../webhook/testing/test-server.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const GROUP = '/apis/admissionregistration.k8s.io/v1/';

let cluster: TestServer;

const map = (name: string, data: Record<string, string> = {}, labels?: object): Body => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(labels && { labels }) }, data });
const RULE = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] };
/** Of configmaps with this label only, so that tests do not meet. */
const of = (test: string): object => ({ resourceRules: [RULE], objectSelector: { matchLabels: { test } } });

async function bind(sort: 'Validating' | 'Mutating', name: string, spec: object, binding: object = {}): Promise<void> {
  const path = `${GROUP}${sort.toLowerCase()}admissionpolic`;
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const policy = await cluster.ask('POST', `${path}ies`, { apiVersion, kind: `${sort}AdmissionPolicy`, metadata: { name }, spec });
  assert.equal(policy.status, 201, policy.text);
  const bound = await cluster.ask('POST', `${path}ybindings`, { apiVersion, kind: `${sort}AdmissionPolicyBinding`, metadata: { name }, spec: { policyName: name, ...(sort === 'Validating' ? { validationActions: ['Deny'] } : {}), ...binding } });
  assert.equal(bound.status, 201, bound.text);
  await cluster.settled();
}

before(async () => {
  cluster = await startTestServer();
  await cluster.ask('PATCH', '/api/v1/namespaces/default', { metadata: { labels: { team: 'red' } } }, { type: 'application/merge-patch+json' });
});
after(() => cluster.stop());

test('a denial has the policy, the binding, the message and the reason', async () => {
  await bind('Validating', 'deny', {
    matchConstraints: of('deny'), variables: [{ name: 'v', expression: 'object.data.v' }],
    validations: [{ expression: "variables.v != 'bad'", messageExpression: "'it is ' + variables.v + ' in ' + namespaceObject.metadata.labels.team", reason: 'Forbidden' }],
  });
  assert.equal((await cluster.ask('POST', MAPS, map('a', { v: 'good' }, { test: 'deny' }))).status, 201);
  const { status, body } = await cluster.ask('POST', MAPS, map('b', { v: 'bad' }, { test: 'deny' }));
  assert.deepEqual([status, body['reason'], body['message']], [403, 'Forbidden', 'configmaps "b" is forbidden: ValidatingAdmissionPolicy \'deny\' with binding \'deny\' denied request: it is bad in red']);
  assert.match(cluster.metrics.text(), /apiserver_validating_admission_policy_check_total\{policy="deny",policy_binding="deny",error_type="no_error",enforcement_action="deny"\} 1/);
});

test('parameters are found by name and by selector; the authorizer can be asked; a binding may only warn', async () => {
  await cluster.ask('POST', MAPS, map('limit-a', { max: '2' }, { limit: 'yes' }));
  await cluster.ask('POST', MAPS, map('limit-b', { max: '1' }, { limit: 'yes' }));
  const spec = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, matchConstraints: of('params'),
    validations: [{ expression: "size(object.data) <= int(params.data.max) || authorizer.requestResource.check('overflow').allowed()", messageExpression: "'more than ' + params.data.max" }],
  };
  await bind('Validating', 'params', spec, { validationActions: ['Warn'], paramRef: { selector: { matchLabels: { limit: 'yes' } }, namespace: 'default', parameterNotFoundAction: 'Deny' } });
  const user = { name: 'jane', groups: ['system:masters-not', 'system:authenticated'] };
  const allowed = await cluster.ask('POST', MAPS, map('c', { a: '1', b: '2' }, { test: 'params' }));
  assert.deepEqual([allowed.status, allowed.headers['warning']], [201, undefined], 'an administrator may overflow');
  await cluster.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'maps' }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }] });
  await cluster.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'maps' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'maps' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }] });
  await cluster.settled();
  const warned = await cluster.ask('POST', MAPS, map('d', { a: '1', b: '2' }, { test: 'params' }), { user });
  assert.deepEqual([warned.status, warned.headers['warning']], [201, '299 - "Validation failed for ValidatingAdmissionPolicy \'params\' with binding \'params\': more than 1"']);
});

test('an expression that costs too much is the policy\'s failure, and failures count by its policy', async () => {
  const validations = [{ expression: "object.data.all(a, object.data.all(b, object.data.all(c, object.data[a] + object.data[b] + object.data[c] != 'never')))" }];
  await bind('Validating', 'costly', { matchConstraints: of('costly'), validations });
  const data = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, 'v']));
  const startMs = performance.now();
  const { status, body } = await cluster.ask('POST', MAPS, map('e', data, { test: 'costly' }));
  assert.equal(status, 422);
  assert.match(body['message'], /denied request: expression '.*' resulted in error: operation cancelled: actual cost limit exceeded$/);
  assert.ok(performance.now() - startMs < 5_000);
  await bind('Validating', 'ignored', { failurePolicy: 'Ignore', matchConstraints: of('ignored'), validations: [{ expression: 'object.data.missing == 1' }] });
  assert.equal((await cluster.ask('POST', MAPS, map('f', {}, { test: 'ignored' }))).status, 201);
});

test('mutations: apply configurations merge, patches apply, what is willing runs again', async () => {
  const apply = (expression: string): object => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
  const head = { reinvocationPolicy: 'Never', failurePolicy: 'Fail', matchConstraints: of('mutate') };
  await bind('Mutating', 'a-seen', { ...head, reinvocationPolicy: 'IfNeeded', mutations: [apply("Object{data: {'seen': has(object.data.added) ? 'yes' : 'no'}}")] });
  await bind('Mutating', 'b-add', { ...head, mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'n': string(size(object.data))}}, JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('added'), value: 'x'}]" } }] });
  const { status, body } = await cluster.ask('POST', MAPS, map('g', { k: 'v' }, { test: 'mutate' }));
  assert.deepEqual([status, body['data'], body['metadata'].annotations], [201, { k: 'v', seen: 'yes', added: 'x' }, { n: '2' }]);
  await bind('Mutating', 'c-bad', { ...head, matchConstraints: of('bad'), mutations: [apply("Object{data: Object.data{k: 'v'}, metadata: Object.spec{name: 'x'}}")] });
  const refused = await cluster.ask('POST', MAPS, map('h', {}, { test: 'bad' }));
  assert.deepEqual([refused.status, refused.body['message']], [403, 'policy \'c-bad\' with binding \'c-bad\' denied request: type mismatch: unexpected type name "Object.spec", expected "Object.metadata", which matches field name path from root Object type']);
});

test('custom resources are judged and changed by their own schema', async () => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const item = { type: 'object', required: ['name'], properties: { name: { type: 'string' }, size: { type: 'integer' } } };
  await cluster.ask('POST', crds, {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'boxes.policies.example.com' },
    spec: { group: 'policies.example.com', scope: 'Cluster', names: { plural: 'boxes', kind: 'Box' }, versions: [{ name: 'v1', served: true, storage: true,
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { items: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: item } } } } } } }] },
  });
  await cluster.until(`${crds}/boxes.policies.example.com`, ({ body }) => body['status']?.conditions?.some((one: Body) => one['type'] === 'Established' && one['status'] === 'True') === true);
  const matchConstraints = { resourceRules: [{ apiGroups: ['policies.example.com'], apiVersions: ['v1'], resources: ['boxes'], operations: ['*'] }] };
  await bind('Mutating', 'box', { reinvocationPolicy: 'Never', failurePolicy: 'Fail', matchConstraints, mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{spec: Object.spec{items: [Object.spec.items{name: 'a', size: 7}]}}" } }] });
  await bind('Validating', 'box', { matchConstraints, validations: [{ expression: 'object == null || object.spec.items.all(i, !has(i.size) || i.size < 8)', message: 'too large' }] });
  const box = (name: string, items: object[]): Body => ({ apiVersion: 'policies.example.com/v1', kind: 'Box', metadata: { name }, spec: { items } });
  const made = await cluster.ask('POST', '/apis/policies.example.com/v1/boxes', box('one', [{ name: 'b' }, { name: 'a', size: 1 }]));
  assert.deepEqual([made.status, made.body['spec']], [201, { items: [{ name: 'b' }, { name: 'a', size: 7 }] }]);
  const large = await cluster.ask('POST', '/apis/policies.example.com/v1/boxes', box('two', [{ name: 'b', size: 9 }]));
  assert.deepEqual([large.status, large.body['details'].causes[0].message], [422, "ValidatingAdmissionPolicy 'box' with binding 'box' denied request: too large"]);
});

test('policies are never about what configures admission', async () => {
  await bind('Validating', 'everything', { matchConstraints: { resourceRules: [{ apiGroups: ['admissionregistration.k8s.io'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }] }, validations: [{ expression: 'false' }] });
  assert.equal((await cluster.ask('DELETE', `${GROUP}validatingadmissionpolicies/everything`)).status, 200);
});
