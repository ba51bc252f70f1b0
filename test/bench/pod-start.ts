/**
 * How long a pod takes from its creation to Running, one after another, on a running cluster:
 *
 *     node --import tsx test/bench/pod-start.ts KUBECONFIG [--pods 50] [--image busybox:1]
 *
 * Measured by one client that creates and watches; prints p50, p90 and the longest in milliseconds. Removes its pods.
 */
import { pods } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';

const option = (name: string, otherwise: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1]!;
};

const kubeconfig = process.argv[2];
if (kubeconfig === undefined) throw new Error('usage: pod-start.ts KUBECONFIG [--pods N] [--image NAME]');
const count = Number(option('pods', '50'));
const client = createClient({ transport: await transportFromKubeconfig(kubeconfig, systemClock), clock: systemClock, userAgent: 'kubernode-bench' });
const api = client.for(pods, 'default');
const tookMs: number[] = [];
for (let i = 0; i < count; i++) {
  const name = `bench-${i}`;
  const stop = new AbortController();
  const startedMs = performance.now();
  const made = await api.create({
    metadata: { name, labels: { bench: 'pod-start' } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: option('image', 'busybox:1'), imagePullPolicy: 'IfNotPresent', command: ['sleep', '100000'] }] },
  });
  for await (const event of api.watch({ fieldSelector: `metadata.name=${name}`, resourceVersion: made.metadata.resourceVersion!, signal: stop.signal })) {
    if (event.type !== 'BOOKMARK' && event.object.status?.phase === 'Running') break;
  }
  tookMs.push(performance.now() - startedMs);
  stop.abort();
}
await api.deleteCollection({ labelSelector: 'bench=pod-start' });
await client.close();
tookMs.sort((a, b) => a - b);
const at = (share: number): string => tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))]!.toFixed(0);
console.log(`${count} pods one after another: created → Running p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, longest ${at(1)} ms`);
