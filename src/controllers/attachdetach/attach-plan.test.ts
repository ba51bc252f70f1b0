import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, PersistentVolume, Pod } from '#api/generated/core/v1';
import type { VolumeAttachment } from '#api/generated/storage/v1';
import { attachmentName, planAttachments, uniqueVolumeName, UNMOUNT_WAIT_MS, type AttachInput } from './attach-plan.ts';

const volume = (name: string, mode = 'ReadWriteOnce'): PersistentVolume => ({ metadata: { name }, spec: { accessModes: [mode], csi: { driver: 'd', volumeHandle: name } } as never });
const [V, W] = [volume('v'), volume('w', 'ReadWriteMany')];
const node = (inUse: PersistentVolume[] = [], ready = 'True'): Node => ({ metadata: { name: 'n' }, status: { volumesInUse: inUse.map(uniqueVolumeName), conditions: [{ type: 'Ready', status: ready }] } });
const pod = (phase = 'Running'): Pod => ({ metadata: { name: 'p' }, spec: { containers: [] }, status: { phase } });
const attachment = (one: PersistentVolume, attached = true, nodeName = 'n'): VolumeAttachment =>
  ({ metadata: { name: attachmentName(one, nodeName), uid: `${one.metadata.name}-${nodeName}` }, spec: { attacher: 'd', nodeName, source: { persistentVolumeName: one.metadata.name! } }, status: { attached } });

function plan(input: Partial<AttachInput> & { uses?: PersistentVolume[] }): string {
  const made = planAttachments({
    nodeName: 'n', node: node(), pods: [pod()], volumesOf: () => input.uses ?? [], present: [], elsewhere: () => [], unusedSinceMs: () => 0, nowMs: 0, ...input,
  }, (one) => (one.spec.source.persistentVolumeName === 'v' ? V : W));
  const names = (list: { metadata: { name?: string } }[]): string => list.map((one) => one.metadata.name!.slice(0, 1)).join('');
  return `attach:${names(made.attach)} detach:${made.detach.length} blocked:${made.blocked.length} attached:${made.attached.length}${made.waiting ? ' waiting' : ''}`;
}

const CASES: [name: string, input: Parameters<typeof plan>[0], expect: string][] = [
  ['a pod needs it', { uses: [V] }, 'attach:v detach:0 blocked:0 attached:0'],
  ['it is being attached', { uses: [V], present: [attachment(V, false)] }, 'attach: detach:0 blocked:0 attached:0'],
  ['it is attached', { uses: [V], present: [attachment(V)] }, 'attach: detach:0 blocked:0 attached:1'],
  ['exclusive and elsewhere', { uses: [V], elsewhere: () => [attachment(V, true, 'm')] }, 'attach: detach:0 blocked:1 attached:0'],
  ['shared and elsewhere', { uses: [W], elsewhere: () => [attachment(W, true, 'm')] }, 'attach:w detach:0 blocked:0 attached:0'],
  ['nobody uses it', { present: [attachment(V)] }, 'attach: detach:1 blocked:0 attached:0'],
  ['its pod has ended', { uses: [V], pods: [pod('Succeeded')], present: [attachment(V)] }, 'attach: detach:1 blocked:0 attached:0'],
  ['unused but still mounted', { present: [attachment(V)], node: node([V]) }, 'attach: detach:0 blocked:0 attached:1 waiting'],
  ['still mounted on a node that is silent for long', { present: [attachment(V)], node: node([V], 'Unknown'), nowMs: UNMOUNT_WAIT_MS + 1 }, 'attach: detach:1 blocked:0 attached:0'],
  ['still mounted on a node that lives, for long', { present: [attachment(V)], node: node([V]), nowMs: UNMOUNT_WAIT_MS + 1 }, 'attach: detach:0 blocked:0 attached:1 waiting'],
  ['the node is gone', { uses: [V], present: [attachment(V)], node: undefined }, 'attach: detach:1 blocked:0 attached:0'],
];
for (const [name, input, expect] of CASES) test(name, () => { assert.equal(plan(input), expect); });
