/**
 * A real kubelet on a private containerd against an API server, controllers and scheduler in this process.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import { jsonLogger, silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { configmaps, events, nodes, pods, secrets, services, type Pod } from '#api/generated/core/v1';
import { leases } from '#api/generated/coordination/v1';
import { createClient } from '#client/rest-client';
import { startCluster, type Cluster } from '#cmd/testing';
import { kubeletConfig } from '#kubelet/config';
import { BUSYBOX_IMAGE, containerdMissing, startPrivateContainerd, type PrivateContainerd } from '#kubelet/cri/testing/private-containerd';
import { createKubelet, type Kubelet } from '#kubelet/kubelet';
import { clusterPki } from '#pki/cluster-pki';
import { isNotFound } from '#machinery/status-error';

const KUBELET_PORT = 20_250;
const log = process.env['KUBELET_LOG'] === undefined ? silentLogger : jsonLogger((line) => process.stderr.write(line), () => systemClock.now(), 'debug');

describe('kubelet with an API server', { skip: containerdMissing() ?? false }, () => {
  let containerd: PrivateContainerd;
  let cluster: Cluster;
  let kubelet: Kubelet;
  const signal = new AbortController().signal;
  const pki = clusterPki({ clock: systemClock, random: systemRandom });

  function newKubelet(): Kubelet {
    const client = createClient({ transport: cluster.transport({ name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }), clock: systemClock, userAgent: 'kubelet' });
    const config = kubeletConfig({
      nodeName: 'n1', nodeIps: ['10.89.0.11'], rootDir: join(containerd.dir, 'kubelet'), podLogsDir: join(containerd.dir, 'pods-logs'), containerLogsDir: '', clusterDns: ['10.96.0.10'],
      runtimeEndpoint: containerd.endpoint, imageEndpoint: containerd.endpoint, cgroupRoot: containerd.cgroupRoot, evictionHard: {}, address: '127.0.0.1', port: KUBELET_PORT,
    });
    const { certificatePem, privateKeyPem } = pki.servingFor('n1', { subject: { commonName: 'system:node:n1', organizations: ['system:nodes'] }, addresses: ['127.0.0.1'], dnsNames: ['n1'] });
    const serving = { certificate: certificatePem, key: privateKeyPem, clientCa: pki.authority.certificatePem };
    return createKubelet({ config, client, serving, clock: systemClock, random: systemRandom, log, metrics: new MetricsRegistry(), version: 'v1.36.0+test', parseManifests: () => [] });
  }

  before(async () => {
    containerd = await startPrivateContainerd();
    cluster = await startCluster(process.env['CLUSTER_LOG'] === undefined ? {} : { log });
    kubelet = newKubelet();
    await kubelet.start(signal);
    await kubelet.ready!(AbortSignal.timeout(10_000));
  });
  after(async () => { await kubelet?.stop(); await cluster?.stop(); await containerd?.stop(); });

  const client = () => cluster.client.for(pods, 'default');
  const sh = (name: string, script: string, more: object = {}) => ({ name, image: BUSYBOX_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script], ...more });
  const LOOP = 'trap "exit 0" TERM; while true; do sleep 0.1; done';
  const create = (name: string, spec: Pod['spec']) => client().create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } }, spec: { terminationGracePeriodSeconds: 3, ...spec! } });
  async function until<T>(what: string, check: () => Promise<T | undefined | false>, ms = 15_000): Promise<T> {
    const end = systemClock.monotonicNow() + ms;
    for (;;) {
      const value = await check();
      if (value !== undefined && value !== false) return value as T;
      if (systemClock.monotonicNow() > end) throw new Error(`${what} did not happen: ${JSON.stringify((await client().list()).items.map((pod) => [pod.metadata.name, pod.spec?.nodeName, pod.status]))}`);
      await systemClock.sleep(30);
    }
  }
  const ready = (name: string) => async () => { const pod = await client().get(name); return pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True' ? pod : undefined; };
  const gone = (name: string) => async () => { try { await client().get(name); return false; } catch (error) { if (isNotFound(error)) return true; throw error; } };
  const volume = (pod: Pod, plugin: string, name: string, file: string): string => readFileSync(join(containerd.dir, 'kubelet', 'pods', pod.metadata.uid!, 'volumes', `kubernetes.io~${plugin}`, name, file), 'utf8');

  it('registers a ready node with a lease', async () => {
    const node = await cluster.client.for(nodes).get('n1');
    assert.equal(node.metadata.labels?.['kubernetes.io/hostname'], 'n1');
    assert.equal(node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status, 'True');
    assert.deepEqual(node.status?.addresses, [{ type: 'InternalIP', address: '10.89.0.11' }, { type: 'Hostname', address: 'n1' }]);
    await until('lease', async () => (await cluster.client.for(leases, 'kube-node-lease').list()).items.some((lease) => lease.spec?.holderIdentity === 'n1'));
  });

  it('runs a pod with ConfigMap, Secret and token, and follows changes', async () => {
    await cluster.client.for(configmaps, 'default').create({ metadata: { name: 'page' }, data: { 'index.html': 'one' } });
    await cluster.client.for(secrets, 'default').create({ metadata: { name: 'keys' }, data: { key: Buffer.from('s3cret').toString('base64') } });
    await cluster.client.for(services, 'default').create({ metadata: { name: 'db' }, spec: { clusterIP: '10.96.0.77', clusterIPs: ['10.96.0.77'], ports: [{ port: 5432 }], selector: { app: 'db' } } });
    await systemClock.sleep(100);
    const startedMs = systemClock.monotonicNow();
    await create('web', {
      volumes: [{ name: 'page', configMap: { name: 'page' } }, { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400 } }],
      containers: [sh('main', `cat /page/index.html /keys/key; echo; echo $KEY $DB_SERVICE_PORT; ${LOOP}`, {
        env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 'keys', key: 'key' } } }],
        volumeMounts: [{ name: 'page', mountPath: '/page' }, { name: 'keys', mountPath: '/keys' }], readinessProbe: { exec: { command: ['test', '-f', '/page/index.html'] }, periodSeconds: 1 },
      })],
    });
    const pod = await until('ready', ready('web'));
    console.log(`# created to ready: ${Math.round(systemClock.monotonicNow() - startedMs)} ms`);
    assert.equal(pod.status?.phase, 'Running');
    assert.equal(pod.status?.hostIP, '10.89.0.11');
    assert.match(pod.status?.containerStatuses?.[0]?.containerID ?? '', /^containerd:\/\//);
    const text = readFileSync(join(kubelet.parts().pipeline.paths.logs(pod), 'main', '0.log'), 'utf8');
    assert.ok(text.includes('ones3cret') && text.includes('s3cret 5432'), text);
    const token = pod.spec?.volumes?.find((entry) => entry.projected !== undefined);
    assert.ok(token !== undefined && volume(pod, 'projected', token.name, 'token').split('.').length === 3);
    assert.match(volume(pod, 'projected', token.name, 'ca.crt'), /BEGIN CERTIFICATE/);
    await cluster.client.for(configmaps, 'default').patch('page', 'application/merge-patch+json', { data: { 'index.html': 'two' } });
    await until('new page', async () => volume(pod, 'configmap', 'page', 'index.html') === 'two');
    const reasons = (await cluster.client.for(events, 'default').list()).items.filter((event) => event.involvedObject.name === 'web').map((event) => event.reason);
    for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started']) assert.ok(reasons.includes(reason), `${reason} in ${reasons.join()}`);
  });

  it('waits for what is missing', async () => {
    await create('late', { volumes: [{ name: 'v', configMap: { name: 'later' } }], containers: [sh('main', LOOP, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })] });
    await until('event', async () => (await cluster.client.for(events, 'default').list()).items.some((event) => event.reason === 'FailedMount' && event.message === 'MountVolume.SetUp failed for volume "v" : configmap "later" not found'));
    await cluster.client.for(configmaps, 'default').create({ metadata: { name: 'later' }, data: { a: 'b' } });
    await until('ready', ready('late'));
    await create('env', { containers: [sh('main', LOOP, { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'later', key: 'nope' } } }] })] });
    const waiting = await until('waiting', async () => { const state = (await client().get('env')).status?.containerStatuses?.[0]?.state?.waiting; return state?.reason === 'CreateContainerConfigError' ? state : undefined; });
    assert.equal(waiting.message, "couldn't find key nope in ConfigMap default/later");
  });

  /** As the administrator's certificate, or as nobody. */
  function ask(path: string, options: { admin?: boolean; method?: string } = {}): Promise<{ status: number; body: string }> {
    const identity = options.admin === false ? {} : { cert: pki.admin.certificatePem, key: pki.admin.privateKeyPem };
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: KUBELET_PORT, path, method: options.method ?? 'GET', ca: pki.authority.certificatePem, servername: 'n1', agent: false, ...identity }, (answer) => {
        let body = '';
        answer.on('data', (piece: Buffer) => { body += piece.toString(); });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  it('serves pods, logs and statistics to whom may see them', async () => {
    assert.equal((await ask('/pods', { admin: false })).status, 401);
    assert.equal((await ask('/nothing', { admin: false })).status, 401);
    assert.equal((await ask('/nothing')).status, 404);
    assert.equal((await ask('/healthz')).body, 'ok');
    assert.equal((await ask('/pods', { method: 'DELETE' })).status, 405);
    const list = JSON.parse((await ask('/pods')).body) as { items: Pod[] };
    assert.ok(list.items.some((pod) => pod.metadata.name === 'web' && pod.status?.phase === 'Running'));
    assert.equal((await ask('/containerLogs/default/web/main')).body, 'ones3cret\ns3cret 5432\n');
    assert.equal((await ask('/containerLogs/default/web/main?tailLines=1')).body, 's3cret 5432\n');
    assert.deepEqual(await ask('/containerLogs/default/web/main?previous=true'), { status: 400, body: 'previous terminated container "main" in pod "web" not found' });
    for (const path of ['/containerLogs/default/none/main', '/containerLogs/default/web/none']) assert.equal((await ask(path)).status, 404, path);
    for (const path of ['/containerLogs/default/../main', '/containerLogs/default/%2e%2e/main', '/logs/../../etc/passwd']) assert.equal((await ask(path)).status, 400, path);
    const metrics = await ask('/metrics/resource');
    assert.match(metrics.body, /^container_memory_working_set_bytes\{container="main",namespace="default",pod="web"\} \d+$/m);
    assert.match(metrics.body, /^node_cpu_usage_seconds_total \d/m);
    assert.match((await ask('/metrics')).body, /^kubelet_runtime_operations_total\{operation_type="run_pod_sandbox"\} \d+$/m);
    const summary = JSON.parse((await ask('/stats/summary')).body) as { pods: { podRef: { name: string }; memory: { workingSetBytes: number } }[] };
    assert.ok(summary.pods.find((pod) => pod.podRef.name === 'web')!.memory.workingSetBytes > 0);
  });

  it('resizes in place', async () => {
    const cgroup = async (): Promise<string> => {
      const pod = await client().get('sized');
      const [mount, file] = existsSync('/sys/fs/cgroup/memory') ? ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'] : ['/sys/fs/cgroup', 'memory.max'];
      return readFileSync(join(mount!, containerd.cgroupRoot, 'kubepods/burstable', `pod${pod.metadata.uid}`, pod.status!.containerStatuses![0]!.containerID!.slice('containerd://'.length), file!), 'utf8').trim();
    };
    await create('sized', { containers: [sh('main', LOOP, { resources: { requests: { cpu: '50m', memory: '16Mi' }, limits: { memory: '32Mi' } } })] });
    const before = await until('ready', ready('sized'));
    assert.deepEqual(before.status?.conditions?.map((condition) => condition.type).sort(), ['ContainersReady', 'Initialized', 'PodReadyToStartContainers', 'PodScheduled', 'Ready']);
    await client().patch('sized', 'application/strategic-merge-patch+json', { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '100m' }, limits: { memory: '64Mi' } } }] } }, { subresource: 'resize' });
    await until('resized', async () => (await client().get('sized')).status?.containerStatuses?.[0]?.resources?.limits?.['memory'] === '64Mi' && (await cgroup()) === String(64 * 1024 * 1024));
    const after_ = await client().get('sized');
    assert.equal(after_.status?.containerStatuses?.[0]?.containerID, before.status?.containerStatuses?.[0]?.containerID);
    await client().patch('sized', 'application/strategic-merge-patch+json', { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '900' } } }] } }, { subresource: 'resize' });
    const pending = await until('infeasible', async () => (await client().get('sized')).status?.conditions?.find((condition) => condition.type === 'PodResizePending'));
    assert.equal(pending.reason, 'Infeasible');
    await client().delete('sized', { gracePeriodSeconds: 0 });
    await until('gone', gone('sized'));
  });

  it('kills what fails its liveness probe, and counts', async () => {
    await create('sick', { containers: [sh('main', LOOP, { livenessProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 } })] });
    const status = await until('restart', async () => { const found = (await client().get('sick')).status?.containerStatuses?.[0]; return (found?.restartCount ?? 0) >= 1 ? found : undefined; });
    assert.equal(status.lastState?.terminated?.exitCode, 0);
    const messages = (await cluster.client.for(events, 'default').list()).items.filter((event) => event.involvedObject.name === 'sick').map((event) => event.message ?? '');
    assert.ok(messages.includes('Container main failed liveness probe, will be restarted'), messages.join('\n'));
  });

  it('restarts no container when the kubelet is restarted, and readiness does not flap', async () => {
    const before = await client().get('web');
    await kubelet.stop();
    kubelet = newKubelet();
    let flapped = false;
    const stop = new AbortController();
    const watching = (async () => {
      try { for await (const event of client().watch({ fieldSelector: 'metadata.name=web', resourceVersion: before.metadata.resourceVersion!, signal: stop.signal })) flapped ||= event.object.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'False'; } catch { /* stopped */ }
    })();
    await kubelet.start(signal);
    await kubelet.ready!(AbortSignal.timeout(10_000));
    await systemClock.sleep(1_500);
    stop.abort();
    await watching;
    const now = await client().get('web');
    assert.deepEqual(now.status?.containerStatuses?.map((entry) => [entry.containerID, entry.restartCount, entry.ready]), before.status?.containerStatuses?.map((entry) => [entry.containerID, entry.restartCount, entry.ready]));
    assert.equal(flapped, false);
  });

  it('finishes and deletes pods', async () => {
    await create('job', { restartPolicy: 'Never', containers: [sh('main', 'exit 4')] });
    const job = await until('failure', async () => { const pod = await client().get('job'); return pod.status?.phase === 'Failed' ? pod : undefined; });
    assert.equal(job.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 4);
    const names = ['web', 'late', 'env', 'sick', 'job'];
    const startedMs = systemClock.monotonicNow();
    for (const name of names) await client().delete(name);
    for (const name of names) await until(`${name} gone`, gone(name));
    console.log(`# five pods deleted in ${Math.round(systemClock.monotonicNow() - startedMs)} ms`);
    await until('directories gone', async () => !readFileSync('/proc/self/mountinfo', 'utf8').includes(join(containerd.dir, 'kubelet')));
  });
});
