/** Kubernetes' own client for Node, unmodified, against a test cluster over HTTPS: lists, informers, writes, patches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppsV1Api, CoreV1Api, KubeConfig, makeInformer, PatchStrategy, setHeaderOptions, VersionApi, type V1ConfigMap } from '@kubernetes/client-node';
import { startCluster, type Cluster } from '#cmd/testing';

const EVENT_MS_MAX = 10_000;

async function connected(t: { after(work: () => Promise<void>): void }): Promise<{ config: KubeConfig; cluster: Cluster }> {
  const cluster = await startCluster({ port: 0 });
  t.after(() => cluster.stop());
  const config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig!);
  return { config, cluster };
}

test('client-node: version, lists and namespaced objects', async (t) => {
  const { config } = await connected(t);
  assert.match((await config.makeApiClient(VersionApi).getCode()).gitVersion, /^v1\.36\./);
  const core = config.makeApiClient(CoreV1Api);
  const names = (await core.listNamespace()).items.map((namespace) => namespace.metadata?.name);
  assert.deepEqual(names.filter((name) => name !== undefined).sort(), ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  const created = await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'one' }, data: { key: 'value' } } });
  assert.ok(created.metadata?.creationTimestamp instanceof Date);
  assert.equal((await core.readNamespacedConfigMap({ namespace: 'default', name: 'one' })).data?.['key'], 'value');
  await assert.rejects(core.readNamespacedConfigMap({ namespace: 'default', name: 'none' }), (error: { code?: number }) => error.code === 404);
  await assert.rejects(core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'Bad_Name' } } }), (error: { code?: number }) => error.code === 422);
});

test('client-node: create, patch in three ways, replace, scale, delete', async (t) => {
  const { config } = await connected(t);
  const apps = config.makeApiClient(AppsV1Api);
  const at = { namespace: 'default', name: 'web' };
  await apps.createNamespacedDeployment({
    namespace: 'default',
    body: { metadata: { name: 'web' }, spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'one' }] } } } },
  });
  await apps.patchNamespacedDeployment({ ...at, body: [{ op: 'replace', path: '/spec/replicas', value: 2 }] }, setHeaderOptions('Content-Type', PatchStrategy.JsonPatch));
  await apps.patchNamespacedDeployment({ ...at, body: { metadata: { labels: { patched: 'merge' } } } }, setHeaderOptions('Content-Type', PatchStrategy.MergePatch));
  await apps.patchNamespacedDeployment({ ...at, body: { spec: { template: { spec: { containers: [{ name: 'web', env: [{ name: 'A', value: 'b' }] }] } } } } }, setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch));
  const patched = await apps.readNamespacedDeployment(at);
  assert.equal(patched.spec?.replicas, 2);
  assert.equal(patched.metadata?.labels?.['patched'], 'merge');
  const [container] = patched.spec?.template.spec?.containers ?? [];
  assert.deepEqual([container?.image, container?.env?.map(({ name, value }) => `${name}=${value}`)], ['one', ['A=b']]);
  const scale = await apps.readNamespacedDeploymentScale(at);
  await apps.replaceNamespacedDeploymentScale({ ...at, body: { ...scale, spec: { replicas: 5 } } });
  assert.equal((await apps.readNamespacedDeployment(at)).spec?.replicas, 5);
  await apps.deleteNamespacedDeployment(at);
});

test('client-node: an informer sees what was there, what comes, changes and goes', async (t) => {
  const { config } = await connected(t);
  const core = config.makeApiClient(CoreV1Api);
  const body = (name: string): V1ConfigMap => ({ metadata: { name, labels: { watched: 'yes' } } });
  await core.createNamespacedConfigMap({ namespace: 'default', body: body('before') });
  const informer = makeInformer(config, '/api/v1/namespaces/default/configmaps', () => core.listNamespacedConfigMap({ namespace: 'default', labelSelector: 'watched=yes' }), 'watched=yes');
  const seen: string[] = [];
  let changed: () => void = () => undefined;
  for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, (object: V1ConfigMap) => { seen.push(`${verb} ${object.metadata?.name}`); changed(); });
  const until = async (text: string): Promise<void> => {
    const late = AbortSignal.timeout(EVENT_MS_MAX);
    while (!seen.includes(text)) {
      late.throwIfAborted();
      await new Promise<void>((resolve) => { changed = resolve; late.addEventListener('abort', () => resolve(), { once: true }); });
    }
  };
  await informer.start();
  try {
    await until('add before');
    await core.createNamespacedConfigMap({ namespace: 'default', body: body('after') });
    await until('add after');
    await core.patchNamespacedConfigMap({ namespace: 'default', name: 'after', body: { data: { a: 'b' } } }, setHeaderOptions('Content-Type', PatchStrategy.MergePatch));
    await until('update after');
    await core.deleteNamespacedConfigMap({ namespace: 'default', name: 'before' });
    await until('delete before');
    await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'unlabelled' } } });
    assert.equal(seen.includes('add unlabelled'), false);
    assert.deepEqual(informer.list().map((object) => object.metadata?.name), ['after']);
  } finally {
    await informer.stop();
  }
});
