import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubeletConfigFrom } from './config-file.ts';

describe('KubeletConfiguration', () => {
  it('reads what it knows', () => {
    assert.deepEqual(kubeletConfigFrom({
      kind: 'KubeletConfiguration', apiVersion: 'kubelet.config.k8s.io/v1beta1', maxPods: 50, syncFrequency: '30s', clusterDNS: ['10.96.0.10'], evictionHard: { 'memory.available': '5%' },
      systemReserved: { cpu: '100m' }, kubeReserved: { memory: '1Gi' }, containerLogMaxSize: '5Mi',
    }), { maxPods: 50, syncPeriodMs: 30_000, clusterDns: ['10.96.0.10'], evictionHard: { 'memory.available': '5%' }, reserved: { cpu: '100m', memory: '1Gi' }, containerLogMaxBytes: 5 * 1024 * 1024 });
  });
  const faults: [Record<string, unknown>, RegExp][] = [
    [{ maxPod: 1 }, /unknown field "maxPod"/], [{ maxPods: 'x' }, /maxPods: Invalid value: must be a number/], [{ syncFrequency: 'soon' }, /syncFrequency: Invalid value: "soon": must be a duration/],
    [{ readOnlyPort: 10255 }, /readOnlyPort: Unsupported value: 10255/], [{ constructor: 1 }, /unknown field "constructor"/],
  ];
  for (const [document, message] of faults) it(`refuses ${JSON.stringify(document)}`, () => assert.throws(() => kubeletConfigFrom(document), message));
});
