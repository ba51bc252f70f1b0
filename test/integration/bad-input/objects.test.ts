/** B30–B41, B56, B58: metadata, create, update, delete and subresources of single objects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_MAPS, playground, type Bad, type Json } from './playground.ts';

const PODS = '/api/v1/namespaces/default/pods';
const SECRETS = '/api/v1/namespaces/default/secrets';
const SERVICES = '/api/v1/namespaces/default/services';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const STATEFUL_SETS = '/apis/apps/v1/namespaces/default/statefulsets';
const BINDINGS = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const selector = { matchLabels: { a: 'b' } };
const claim = (storage: string): Json => ({ metadata: { name: 'v' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } } });

const place = playground(async ({ make, ask }) => {
  await make(CONFIG_MAPS, { metadata: { name: 'there' } }, { metadata: { name: 'going', finalizers: ['example.com/hold'] } });
  await ask('DELETE', `${CONFIG_MAPS}/going`);
  await make('/api/v1/namespaces', { metadata: { name: 'ending' } });
  await make('/api/v1/namespaces/ending/configmaps', { metadata: { name: 'x' } });
  await ask('DELETE', '/api/v1/namespaces/ending');
  await make(SECRETS, { metadata: { name: 'fixed' }, immutable: true, data: { a: 'YQ==' } });
  await make(DEPLOYMENTS, { metadata: { name: 'd' }, spec: { selector, template } });
  await make(STATEFUL_SETS, { metadata: { name: 's' }, spec: { selector, template, serviceName: 's', volumeClaimTemplates: [claim('1Gi')] } });
  await make(SERVICES, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } });
  await make(BINDINGS, { metadata: { name: 'b' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }, subjects: [] });
  await make(LEASES, { metadata: { name: 'l' } });
  await make(PODS, { metadata: { name: 'free' }, spec: { containers: [{ name: 'c', image: 'i' }] } }, { metadata: { name: 'bound' }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } });
  await ask('PATCH', `${PODS}/bound/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debug', image: 'i', terminationMessagePolicy: 'File', imagePullPolicy: 'Always' }] } });
});

const named = (name: string): Json => ({ metadata: { name } });
const change = (name: string, path: string, body: unknown, code: number, more: Partial<Bad> = {}): Bad => ({ name, method: 'PATCH', path, body, code, ...more });

place.refuses(
  ...['.', '..', 'a/b', 'a%b', 'Upper', 'x'.repeat(254), 'а-cyrillic', 'trailing-', '-leading', 'a..b', 'a_b', 'a b', 'a\u0000', 'a\n'].map((name): Bad => ({ name: `B30 name ${JSON.stringify(name.slice(0, 20))}`, path: CONFIG_MAPS, body: named(name), code: 422, causes: ['metadata.name'] })),
  { name: 'B30 name of a PUT in upper case', method: 'PUT', path: `${CONFIG_MAPS}/Upper`, body: named('Upper'), code: 404 },
  { name: 'B31 neither name nor generateName', path: CONFIG_MAPS, body: { metadata: {} }, code: 422, causes: ['metadata.name'] },
  { name: 'B31 empty name', path: CONFIG_MAPS, body: named(''), code: 422, causes: ['metadata.name'] },
  { name: 'B31 malformed generateName', path: CONFIG_MAPS, body: { metadata: { generateName: 'Bad_' } }, code: 422, causes: ['metadata.generateName'] },
  { name: 'B32 label key', path: CONFIG_MAPS, body: { metadata: { name: 'x', labels: { '-a': 'b' } } }, code: 422, causes: ['metadata.labels'] },
  { name: 'B32 label key prefix', path: CONFIG_MAPS, body: { metadata: { name: 'x', labels: { 'A_b/c': 'b' } } }, code: 422, causes: ['metadata.labels'] },
  { name: 'B32 label value', path: CONFIG_MAPS, body: { metadata: { name: 'x', labels: { a: 'b c' } } }, code: 422, causes: ['metadata.labels'] },
  { name: 'B32 label value of 64', path: CONFIG_MAPS, body: { metadata: { name: 'x', labels: { a: 'b'.repeat(64) } } }, code: 422, causes: ['metadata.labels'] },
  { name: 'B32 annotation key', path: CONFIG_MAPS, body: { metadata: { name: 'x', annotations: { 'a b': 'c' } } }, code: 422, causes: ['metadata.annotations'] },
  { name: 'B32 annotations over 256 KiB', path: CONFIG_MAPS, body: () => ({ metadata: { name: 'x', annotations: { a: 'b'.repeat(256 * 1024) } } }), code: 422, causes: ['metadata.annotations'], says: 'may not be more than 262144 bytes' },
  { name: 'B32 data over 1 MiB', path: CONFIG_MAPS, body: () => ({ metadata: { name: 'x' }, data: { a: 'b'.repeat(1024 * 1024 + 1) } }), code: 422 },
  { name: 'B32 an object over 1.5 MiB', path: DEPLOYMENTS, body: () => ({ metadata: { name: 'x' }, spec: { selector, template: { ...template, spec: { containers: [{ name: 'c', image: 'i', args: ['x'.repeat(1_600_000)] }] } } } }), code: 413 },
  change('B32 an object that grows over 1.5 MiB', `${DEPLOYMENTS}/d`, () => ({ spec: { template: { spec: { containers: [{ name: 'c', image: 'i', args: ['x'.repeat(1_600_000)] }] } } } }), 413),
  { name: 'B33 namespace missing', path: '/api/v1/namespaces/absent/configmaps', body: named('x'), code: 404 },
  { name: 'B33 namespace terminating', path: '/api/v1/namespaces/ending/configmaps', body: named('y'), code: 403, says: 'because it is being terminated' },
  { name: 'B34 create existing', path: CONFIG_MAPS, body: named('there'), code: 409, reason: 'AlreadyExists' },
  // Upstream's code.
  { name: 'B34 create with resourceVersion', path: CONFIG_MAPS, body: { metadata: { name: 'x', resourceVersion: '5' } }, code: 500, says: 'resourceVersion should not be set on objects to be created' },
  { name: 'B35 stale resourceVersion', method: 'PUT', path: `${CONFIG_MAPS}/there`, body: { metadata: { name: 'there', resourceVersion: '1' } }, code: 409, reason: 'Conflict' },
  { name: 'B35 without resourceVersion where one is needed', method: 'PUT', path: `${LEASES}/l`, body: named('l'), code: 422, says: 'must be specified for an update' },
  { name: 'B36 delete with another uid', method: 'DELETE', path: `${CONFIG_MAPS}/there`, body: { preconditions: { uid: 'other' } }, code: 409, reason: 'Conflict' },
  { name: 'B36 delete with another resourceVersion', method: 'DELETE', path: `${CONFIG_MAPS}/there`, body: { preconditions: { resourceVersion: '1' } }, code: 409, reason: 'Conflict' },
  { name: 'B36 both policies', method: 'DELETE', path: `${CONFIG_MAPS}/there`, body: { orphanDependents: true, propagationPolicy: 'Orphan' }, code: 422 },
  { name: 'B36 unknown policy', method: 'DELETE', path: `${CONFIG_MAPS}/there`, body: { propagationPolicy: 'Perhaps' }, code: 422 },
  { name: 'B36 unknown policy in the query', method: 'DELETE', path: `${CONFIG_MAPS}/there?propagationPolicy=Perhaps`, code: 422 },
  change('B37 selector', `${DEPLOYMENTS}/d`, { spec: { selector: { matchLabels: { a: 'b', c: 'd' } }, template: { metadata: { labels: { c: 'd' } } } } }, 422, { says: 'field is immutable' }),
  change('B37 clusterIP', `${SERVICES}/s`, { spec: { clusterIP: '10.96.0.77', clusterIPs: ['10.96.0.77'] } }, 422, { causes: ['spec.clusterIPs[0]'] }),
  { name: 'B37 service with a bad port takes no address', path: SERVICES, body: { metadata: { name: 'x' }, spec: { ports: [{ port: 0 }] } }, code: 422 },
  { name: 'B37 service that is there takes no address', path: SERVICES, body: { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } }, code: 409 },
  change('B37 volumeClaimTemplates', `${STATEFUL_SETS}/s`, { spec: { volumeClaimTemplates: [claim('2Gi')] } }, 422, { causes: ['spec'] }),
  change('B37 roleRef', `${BINDINGS}/b`, { roleRef: { name: 'other' } }, 422, { causes: ['roleRef'] }),
  change('B37 immutable Secret', `${SECRETS}/fixed`, { data: { a: 'Yg==' } }, 422, { causes: ['data'] }),
  change('B37 immutable Secret made mutable', `${SECRETS}/fixed`, { immutable: false }, 422, { causes: ['immutable'] }),
  { name: 'B38 malformed finalizer', path: CONFIG_MAPS, body: { metadata: { name: 'x', finalizers: ['a b'] } }, code: 422, causes: ['metadata.finalizers'] },
  change('B38 finalizer added to what is going', `${CONFIG_MAPS}/going`, { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } }, 422, { causes: ['metadata.finalizers'] }),
  { name: 'B39 two controllers', path: CONFIG_MAPS, body: { metadata: { name: 'x', ownerReferences: ['a', 'b'].map((name) => ({ apiVersion: 'v1', kind: 'Pod', name, uid: name, controller: true })) } }, code: 422, causes: ['metadata.ownerReferences'] },
  { name: 'B39 empty uid', path: CONFIG_MAPS, body: { metadata: { name: 'x', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: '' }] } }, code: 422, causes: ['metadata.ownerReferences.uid'] },
  { name: 'B40 dryRun', path: `${CONFIG_MAPS}?dryRun=Maybe`, body: named('x'), code: 422, says: 'Unsupported value: ["Maybe"]' },
  { name: 'B40 fieldManager over 128 bytes', path: `${CONFIG_MAPS}?fieldManager=${'x'.repeat(129)}`, body: named('x'), code: 422, says: 'may not be more than 128 bytes' },
  { name: 'B40 unprintable fieldManager', path: `${CONFIG_MAPS}?fieldManager=a%07`, body: named('x'), code: 422 },
  { name: 'B40 unknown fieldValidation', path: `${CONFIG_MAPS}?fieldValidation=Perhaps`, body: named('x'), code: 422 },

  change('B56 negative scale', `${DEPLOYMENTS}/d/scale`, { spec: { replicas: -1 } }, 422, { causes: ['spec.replicas'] }),
  { name: 'B56 scale of another name', method: 'PUT', path: `${DEPLOYMENTS}/d/scale`, body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'other', namespace: 'default' }, spec: { replicas: 2 } }, code: 400 },
  { name: 'B56 binding of a bound pod', path: `${PODS}/bound/binding`, body: { metadata: { name: 'bound' }, target: { kind: 'Node', name: 'm' } }, code: 409 },
  { name: 'B56 binding of another name', path: `${PODS}/free/binding`, body: { metadata: { name: 'other' }, target: { kind: 'Node', name: 'm' } }, code: 400 },
  { name: 'B56 binding of another uid', path: `${PODS}/free/binding`, body: { metadata: { name: 'free', uid: 'other' }, target: { kind: 'Node', name: 'm' } }, code: 409 },
  change('B58 edit of an ephemeral container', `${PODS}/bound/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debug', image: 'other' }] } }, 422),
  change('B58 ephemeral container removed', `${PODS}/bound/ephemeralcontainers`, { spec: { ephemeralContainers: [] } }, 422),
  change('B58 ephemeral container with ports', `${PODS}/free/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'e', image: 'i', ports: [{ containerPort: 80 }] }] } }, 422, { causes: ['spec.ephemeralContainers[0].ports'] }),
  change('B58 ephemeral container with the name of another', `${PODS}/free/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'c', image: 'i' }] } }, 422, { causes: ['spec.ephemeralContainers[0].name'] }),
  change('B58 resize to another quality of service', `${PODS}/bound/resize`, { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] } }, 422, { says: 'Pod QOS Class may not change as a result of resizing' }),
  change('B58 ephemeral containers through the pod', `${PODS}/free`, { spec: { ephemeralContainers: [{ name: 'e', image: 'i' }] } }, 422),
);

test('B33: a namespace in a cluster-scoped object is dropped, as upstream does', async () => {
  const made = await place.ask('POST', '/api/v1/nodes?dryRun=All', { metadata: { name: 'x', namespace: 'default' } });
  assert.deepEqual([made.status, made.body['metadata'].namespace], [201, undefined]);
});

test('B34: uid and creationTimestamp of the client are ignored', async () => {
  const made = await place.ask('POST', `${CONFIG_MAPS}?dryRun=All`, { metadata: { name: 'x', uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z', generation: 7, selfLink: '/x' } });
  assert.equal(made.status, 201);
  assert.notEqual(made.body['metadata'].uid, 'mine');
  assert.ok(!String(made.body['metadata'].creationTimestamp).startsWith('2001'));
});

test('B35: a resourceVersion that is no number is refused as upstream does', async () => {
  const revision = await place.revision();
  const answer = await place.ask('PUT', `${CONFIG_MAPS}/there`, { metadata: { name: 'there', resourceVersion: 'x' } });
  assert.deepEqual([answer.status, answer.body['message']], [500, 'strconv.ParseUint: parsing "x": invalid syntax']);
  assert.equal(await place.revision(), revision);
});

test('B41: status through the main resource and spec through status are ignored', async () => {
  const before = (await place.ask('GET', `${DEPLOYMENTS}/d`)).body;
  const spec = await place.ask('PUT', `${DEPLOYMENTS}/d/status`, { ...before, spec: { ...before['spec'], replicas: 9 } });
  assert.equal(spec.body['spec'].replicas, before['spec'].replicas);
  const status = await place.ask('PUT', `${DEPLOYMENTS}/d`, { ...before, status: { replicas: 9 } });
  assert.equal(status.body['status'].replicas, undefined);
  assert.equal(status.body['metadata'].generation, before['metadata'].generation);
});
