import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import type { KubeObject } from '#machinery/meta';
import { StatusError } from '#machinery/status-error';
import { alwaysPullImages } from './always-pull-images.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import type { AdmissionAttributes, AdmissionPlugin, Rounds } from './plugin.ts';

function request(resource: string, object: object, oldObject?: object): AdmissionAttributes {
  return {
    operation: oldObject === undefined ? 'CREATE' : 'UPDATE', subresource: '', name: 'x', namespace: 'n', info: { group: '', version: 'v1', resource },
    object: { metadata: { name: 'x' }, ...object } as KubeObject, oldObject: oldObject as KubeObject | undefined,
  } as unknown as AdmissionAttributes;
}

async function admitted(plugin: AdmissionPlugin, attributes: AdmissionAttributes): Promise<Pod> {
  await plugin.admit!(attributes, {} as Rounds);
  return attributes.object as Pod;
}

function refusal(plugin: AdmissionPlugin, attributes: AdmissionAttributes): string {
  try {
    void plugin.validate!(attributes);
    return '';
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return error.message;
  }
}

const container = (image: string, imagePullPolicy = 'IfNotPresent') => ({ name: image, image, imagePullPolicy });

describe('AlwaysPullImages', () => {
  const plugin = alwaysPullImages();
  it('pulls the images of all containers and volumes', async () => {
    const pod = await admitted(plugin, request('pods', { spec: { initContainers: [container('a')], containers: [container('b')], volumes: [{ name: 'v', image: { reference: 'c' } }, { name: 'w', emptyDir: {} }] } }));
    assert.deepEqual([pod.spec!.initContainers![0]!.imagePullPolicy, pod.spec!.containers[0]!.imagePullPolicy, pod.spec!.volumes![0]!.image!.pullPolicy], ['Always', 'Always', 'Always']);
  });
  it('refuses what another plugin made of it', () => {
    const object = { spec: { containers: [container('a', 'Always'), container('b', 'Never')] } };
    assert.equal(refusal(plugin, request('pods', object)), 'pods "x" is forbidden: spec.containers[1].imagePullPolicy: Unsupported value: "Never": supported values: "Always"');
  });
  it('leaves a pod alone that keeps its images', async () => {
    const object = { spec: { containers: [container('a')] } };
    const pod = await admitted(plugin, request('pods', structuredClone(object), object));
    assert.equal(pod.spec!.containers[0]!.imagePullPolicy, 'IfNotPresent');
    assert.equal(refusal(plugin, request('pods', object, object)), '');
  });
});

describe('DenyServiceExternalIPs', () => {
  const service = (...externalIPs: string[]) => ({ spec: { externalIPs } });
  const DENIED = 'services "x" is forbidden: Use of external IPs is denied by admission control';
  for (const [name, object, old, says] of [
    ['new', service('1.1.1.1'), undefined, DENIED], ['none', service(), undefined, ''], ['one more', service('1.1.1.1', '2.2.2.2'), service('1.1.1.1'), DENIED],
    ['one fewer', service('1.1.1.1'), service('1.1.1.1', '2.2.2.2'), ''],
  ] as const) {
    it(name, () => assert.equal(refusal(denyServiceExternalIps(), request('services', object, old)), says));
  }
});

describe('ExtendedResourceToleration', () => {
  it('tolerates the taints of the devices that are asked for, once', async () => {
    const resources = { requests: { cpu: '1', 'example.com/gpu': '1' } };
    const wanted = { key: 'example.com/gpu', operator: 'Exists', effect: 'NoSchedule' };
    const pod = await admitted(extendedResourceToleration(), request('pods', { spec: { initContainers: [{ name: 'i', resources: { requests: { 'example.com/fpga': '1' } } }], containers: [{ name: 'c', resources }], tolerations: [wanted] } }));
    assert.deepEqual(pod.spec!.tolerations, [wanted, { ...wanted, key: 'example.com/fpga' }]);
  });
});
