/**
 * The kubelet alone: static pods on a private containerd, no API server. Real containers; needs root.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import { jsonLogger, silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Pod, PodStatus } from '#api/generated/core/v1';
import { kubeletConfig } from '#kubelet/config';
import { createRuntimeService } from '#kubelet/cri/runtime-client';
import { BUSYBOX_IMAGE, containerdMissing, startPrivateContainerd, type PrivateContainerd } from '#kubelet/cri/testing/private-containerd';
import { createKubelet, type Kubelet } from '#kubelet/kubelet';

const log = process.env['KUBELET_LOG'] === undefined ? silentLogger : jsonLogger((line) => process.stderr.write(line), () => systemClock.now(), 'debug');

describe('kubelet with static pods', { skip: containerdMissing() ?? false }, () => {
  let containerd: PrivateContainerd;
  let kubelet: Kubelet;
  let manifests: string;
  const signal = new AbortController().signal;

  function newKubelet(): Kubelet {
    const config = kubeletConfig({
      nodeName: 'n1', nodeIps: ['10.89.0.11'], rootDir: join(containerd.dir, 'kubelet'), podLogsDir: join(containerd.dir, 'pods-logs'), containerLogsDir: '',
      runtimeEndpoint: containerd.endpoint, imageEndpoint: containerd.endpoint, podManifestPath: manifests, cgroupRoot: containerd.cgroupRoot, relistWithEventsMs: 1_000,
    });
    return createKubelet({ config, clock: systemClock, random: systemRandom, log, metrics: new MetricsRegistry(), version: 'v1.36.0+test', parseManifests: (text) => [JSON.parse(text)] });
  }

  before(async () => {
    containerd = await startPrivateContainerd();
    manifests = join(containerd.dir, 'manifests');
    mkdirSync(manifests);
    kubelet = newKubelet();
    await kubelet.start(signal);
  });
  after(async () => { await kubelet?.stop(); await containerd?.stop(); });

  const put = (pod: Pod): void => writeFileSync(join(manifests, `${pod.metadata.name}.json`), JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...pod }));
  const podOf = (name: string, spec: Pod['spec']): Pod => ({ metadata: { name, namespace: 'default', labels: { app: name } }, spec: { terminationGracePeriodSeconds: 2, ...spec! } });
  const sh = (name: string, script: string, more: object = {}) => ({ name, image: BUSYBOX_IMAGE, imagePullPolicy: 'IfNotPresent', command: ['sh', '-c', script], ...more });
  const find = (name: string): Pod | undefined => kubelet.parts().pipeline.store.byName('default', `${name}-n1`);
  const statusOf = (name: string): PodStatus | undefined => { const pod = find(name); return pod === undefined ? undefined : kubelet.parts().pipeline.status.get(pod.metadata.uid!); };
  async function until<T>(what: string, check: () => T | undefined | false, ms = 15_000): Promise<T> {
    const end = systemClock.monotonicNow() + ms;
    for (;;) {
      const value = check();
      if (value !== undefined && value !== false) return value as T;
      if (systemClock.monotonicNow() > end) throw new Error(`${what} did not happen: ${JSON.stringify(kubelet.parts().pipeline.store.list().map((pod) => kubelet.parts().pipeline.status.get(pod.metadata.uid!)))}`);
      await systemClock.sleep(20);
    }
  }
  const ready = (name: string) => () => { const status = statusOf(name); return status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True' ? status : undefined; };
  const logOf = (name: string, container: string, attempt = 0): string => readFileSync(join(kubelet.parts().pipeline.paths.logs(find(name)!), container, `${attempt}.log`), 'utf8');

  it('runs init containers, a sidecar, probes, volumes, environment', async () => {
    const startedMs = systemClock.monotonicNow();
    put(podOf('full', {
      volumes: [{ name: 'data', emptyDir: {} }, { name: 'mem', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }, { name: 'info', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }],
      initContainers: [
        sh('first', 'echo made > /data/made', { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
        sh('side', 'trap "exit 0" TERM; while true; do sleep 0.2; done', { restartPolicy: 'Always' }),
      ],
      containers: [sh('main', 'cat /data/made /info/labels; echo; echo $GREETING $NODE; hostname; df /mem | tail -1; cat /etc/hosts; echo done > /dev/termination-log; trap "exit 0" TERM; while true; do sleep 0.2; done', {
        env: [{ name: 'WHO', value: 'world' }, { name: 'GREETING', value: 'hello $(WHO)' }, { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        volumeMounts: [{ name: 'data', mountPath: '/data' }, { name: 'mem', mountPath: '/mem' }, { name: 'info', mountPath: '/info' }, { name: 'data', mountPath: '/sub', subPath: 'made' }],
        readinessProbe: { exec: { command: ['test', '-f', '/data/made'] }, periodSeconds: 1 }, startupProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
        resources: { requests: { cpu: '100m', memory: '16Mi' }, limits: { memory: '32Mi' } },
      })],
    }));
    const status = await until('ready', ready('full'));
    console.log(`# full pod ready after ${Math.round(systemClock.monotonicNow() - startedMs)} ms`);
    assert.equal(status.phase, 'Running');
    assert.match(status.podIP ?? '', /^10\.244\.1\./);
    assert.equal(status.qosClass, 'Burstable');
    assert.deepEqual(status.initContainerStatuses?.map((entry) => [entry.name, entry.state?.terminated?.exitCode ?? entry.started]), [['first', 0], ['side', true]]);
    const text = logOf('full', 'main');
    for (const part of ['made', 'app="full"', 'hello world n1', 'full-n1', '1024', `${status.podIP}\tfull-n1`]) assert.ok(text.includes(part), `${part} in ${text}`);
  });

  it('restarts what fails, with the termination message, and backs off', async () => {
    put(podOf('crash', { containers: [sh('main', 'echo oops > /dev/termination-log; exit 3', { terminationMessagePath: '/dev/termination-log' })] }));
    const status = await until('back-off', () => { const entry = statusOf('crash')?.containerStatuses?.[0]; return entry?.state?.waiting?.reason === 'CrashLoopBackOff' ? entry : undefined; });
    assert.equal(status.restartCount, 1);
    assert.deepEqual([status.lastState?.terminated?.exitCode, status.lastState?.terminated?.message], [3, 'oops\n']);
    assert.match(status.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=main pod=crash-n1_default\(/);
  });

  it('ends a pod whose containers have all succeeded', async () => {
    put(podOf('once', { restartPolicy: 'Never', containers: [sh('main', 'echo bye')] }));
    const status = await until('success', () => { const found = statusOf('once'); return found?.phase === 'Succeeded' ? found : undefined; });
    assert.equal(status.containerStatuses?.[0]?.state?.terminated?.reason, 'Completed');
  });

  it('keeps containers when it is restarted', async () => {
    const before = statusOf('full')!;
    await kubelet.stop();
    kubelet = newKubelet();
    await kubelet.start(signal);
    const status = await until('ready again', ready('full'));
    assert.deepEqual(status.containerStatuses?.map((entry) => [entry.containerID, entry.restartCount]), before.containerStatuses?.map((entry) => [entry.containerID, entry.restartCount]));
    assert.equal(status.podIP, before.podIP);
  });

  it('keeps containers when containerd is killed', async () => {
    const before = statusOf('full')!;
    await containerd.restart();
    await systemClock.sleep(300);
    const status = await until('ready again', ready('full'));
    assert.deepEqual(status.containerStatuses?.map((entry) => [entry.containerID, entry.restartCount]), before.containerStatuses?.map((entry) => [entry.containerID, entry.restartCount]));
  });

  it('ends a pod gracefully and leaves nothing', async () => {
    const uid = find('full')!.metadata.uid!;
    for (const name of ['full', 'crash', 'once']) rmSync(join(manifests, `${name}.json`));
    const runtime = createRuntimeService(containerd.endpoint);
    let left = -1;
    for (let i = 0; i < 200 && left !== 0; i++) {
      left = (await runtime.listPodSandboxes()).length + (await runtime.listContainers()).length;
      await systemClock.sleep(50);
    }
    assert.equal(left, 0);
    runtime.close();
    await until('directories are gone', () => { try { readFileSync(join(containerd.dir, 'kubelet', 'pods', uid, 'etc-hosts')); return false; } catch { return true; } });
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(uid));
  });
});
