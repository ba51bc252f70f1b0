import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/generated/core/v1';
import { bestVolume, isMeantFor, mismatch } from './volume-match.ts';

interface Extra { class?: string; modes?: string[]; mode?: string; phase?: string; claim?: { name: string; uid?: string }; labels?: Record<string, string>; deleting?: boolean }

const volume = (name: string, size: string, extra: Extra = {}): PersistentVolume => ({
  metadata: { name, ...(extra.labels && { labels: extra.labels }), ...(extra.deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
  spec: {
    capacity: { storage: size }, accessModes: extra.modes ?? ['ReadWriteOnce'], storageClassName: extra.class ?? '', volumeMode: extra.mode ?? 'Filesystem',
    ...(extra.claim && { claimRef: { kind: 'PersistentVolumeClaim', namespace: 'default', ...extra.claim } }),
  },
  status: { phase: extra.phase ?? 'Available' },
});

const claim = (size: string, extra: Extra = {}): PersistentVolumeClaim => ({
  metadata: { name: 'c', namespace: 'default', uid: 'u' },
  spec: { accessModes: extra.modes ?? ['ReadWriteOnce'], resources: { requests: { storage: size } }, storageClassName: extra.class ?? '', volumeMode: extra.mode ?? 'Filesystem', ...(extra.labels && { selector: { matchLabels: extra.labels } }) },
});

const FAULTS: [volume: PersistentVolume, claim: PersistentVolumeClaim, fault: string | undefined][] = [
  [volume('v', '1Gi'), claim('1Gi'), undefined],
  [volume('v', '1000Mi'), claim('1Gi'), 'requested PV is too small'],
  [volume('v', '1Gi', { class: 'a' }), claim('1Gi', { class: 'b' }), 'storageClassName does not match'],
  [volume('v', '1Gi', { mode: 'Block' }), claim('1Gi'), 'incompatible volumeMode'],
  [volume('v', '1Gi'), claim('1Gi', { modes: ['ReadWriteMany'] }), 'incompatible accessMode'],
  [volume('v', '1Gi', { modes: ['ReadWriteOnce', 'ReadOnlyMany'] }), claim('1Gi'), undefined],
];
for (const [offered, wanted, fault] of FAULTS) test(`a volume and a claim: ${fault ?? 'they fit'}`, () => assert.equal(mismatch(offered, wanted), fault));

const BEST: [name: string, volumes: PersistentVolume[], claim: PersistentVolumeClaim, best: string | undefined][] = [
  ['the smallest that fits', [volume('big', '9Gi'), volume('small', '1Gi'), volume('mid', '3Gi')], claim('2Gi'), 'mid'],
  ['of two alike the first by name', [volume('b', '1Gi'), volume('a', '1Gi')], claim('1Gi'), 'a'],
  ['the reserved one before all', [volume('small', '1Gi'), volume('mine', '9Gi', { claim: { name: 'c' }, phase: 'Available' })], claim('1Gi'), 'mine'],
  ['not one of another claim', [volume('other', '1Gi', { claim: { name: 'd' } })], claim('1Gi'), undefined],
  ['not one of an earlier claim of this name', [volume('was', '1Gi', { claim: { name: 'c', uid: 'before' } })], claim('1Gi'), undefined],
  ['not a released one', [volume('v', '1Gi', { phase: 'Released' })], claim('1Gi'), undefined],
  ['not one that is going', [volume('v', '1Gi', { deleting: true })], claim('1Gi'), undefined],
  ['with the labels asked for', [volume('a', '1Gi'), volume('b', '1Gi', { labels: { tier: 'x' } })], claim('1Gi', { labels: { tier: 'x' } }), 'b'],
];
for (const [name, volumes, wanted, best] of BEST) test(`best: ${name}`, () => assert.equal(bestVolume(wanted, volumes, false)?.metadata.name, best));

test('a claim that waits for its first consumer takes only what is reserved for it', () => {
  assert.equal(bestVolume(claim('1Gi'), [volume('a', '1Gi')], true), undefined);
  assert.equal(bestVolume(claim('1Gi'), [volume('a', '1Gi', { claim: { name: 'c', uid: 'u' } })], true)?.metadata.name, 'a');
  assert.equal(isMeantFor(volume('a', '1Gi', { claim: { name: 'c', uid: 'u' } }), claim('1Gi')), true);
});
