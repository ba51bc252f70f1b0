/** Objects with every field set, in JSON and protobuf as upstream writes them: kept beside the repository; skipped where absent. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { JSON_TYPE, PROTOBUF_TYPE } from '#machinery/codec/content-type';
import { readEnvelope } from '#machinery/codec/protobuf-envelope';
import { parseGroupVersion } from '#machinery/gvk';
import { Serializer } from '#machinery/codec/serializer';
import { keepsEmptyLists, resolveType, typeForKind } from './registry.ts';

const builtinSerializer = new Serializer({ resolveType, typeForKind, keepsEmptyLists });

/** Sent in queries, never as bodies; or kinds that only upstream's own tools write. */
const NOT_BODIES = new Set([
  'CreateOptions', 'GetOptions', 'ListOptions', 'NodeProxyOptions', 'PatchOptions', 'PodAttachOptions', 'PodExecOptions', 'PodLogOptions', 'PodPortForwardOptions', 'PodProxyOptions',
  'PodStatusResult', 'RangeAllocation', 'SerializedReference', 'ServiceProxyOptions', 'UpdateOptions', '',
]);

const DATA = new URL('../../../shared/roundtrip-v1.36/', import.meta.url);

test('JSON and protobuf of every kind', { skip: !existsSync(DATA) }, async (t) => {
  for (const file of readdirSync(DATA).filter((name) => name.endsWith('.pb'))) {
    const protobuf = readFileSync(new URL(file, DATA));
    const { apiVersion, kind } = readEnvelope(protobuf);
    const type = typeForKind(apiVersion, kind);
    if (type === undefined) {
      assert.ok(NOT_BODIES.has(kind), `${apiVersion} ${kind} has no schema`);
      continue;
    }
    const json = readFileSync(new URL(file.replace(/pb$/, 'json'), DATA));
    const expected = { ...parseGroupVersion(apiVersion)!, kind };
    await t.test(`${kind} from protobuf`, () => {
      const decoded = builtinSerializer.decode(protobuf, PROTOBUF_TYPE, expected);
      assert.deepEqual(JSON.parse(builtinSerializer.encode(decoded.object, type, JSON_TYPE).toString()), JSON.parse(json.toString()));
      assert.deepEqual(decoded, builtinSerializer.decode(json, JSON_TYPE, expected, { fieldValidation: 'Strict' }));
    });
    await t.test(`${kind} to protobuf`, () => {
      const { object } = builtinSerializer.decode(json, JSON_TYPE, expected, { fieldValidation: 'Strict' });
      const encoded = builtinSerializer.encode(object, type, PROTOBUF_TYPE);
      assert.ok(encoded.equals(protobuf), `differs at byte ${[...encoded].findIndex((byte, index) => byte !== protobuf[index])} of ${protobuf.length}`);
    });
  }
});

/** A field of protobuf by hand: number, and text, a message, or a number. */
function field(number: number, value: string | number | Buffer): Buffer {
  if (typeof value === 'number') return Buffer.from([number << 3, ...varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.from([(number << 3) | 2, ...varint(bytes.length), ...bytes]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))];
}
const message = (...fields: Buffer[]): Buffer => Buffer.concat(fields);
const envelope = (apiVersion: string, kind: string, raw: Buffer): Buffer => Buffer.concat([Buffer.from('k8s\0'), field(1, message(field(1, apiVersion), field(2, kind))), field(2, raw), field(3, ''), field(4, '')]);
/** Upstream writes the zero values of what is no pointer too. */
const metadata = (name: string): Buffer => field(1, message(field(1, name), field(2, ''), field(3, ''), field(4, ''), field(5, ''), field(6, ''), field(7, 0), field(8, '')));

const SAMPLES: readonly (readonly [apiVersion: string, kind: string, json: unknown, protobuf: Buffer])[] = [
  ['v1', 'ConfigMap', { metadata: { name: 'a' }, data: { k: 'v' }, binaryData: { b: 'AAE=' }, immutable: false },
    message(metadata('a'), field(2, message(field(1, 'k'), field(2, 'v'))), field(3, message(field(1, 'b'), field(2, Buffer.from([0, 1])))), field(4, 0))],
  ['coordination.k8s.io/v1', 'Lease', { metadata: { name: 'l' }, spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime: '2024-01-01T00:00:00.500000Z' } },
    message(metadata('l'), field(2, message(field(1, 'me'), field(2, 15), field(4, message(field(1, 1_704_067_200), field(2, 500_000_000))))))],
  ['policy/v1', 'PodDisruptionBudget', { metadata: { name: 'p' }, spec: { minAvailable: '50%' }, status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 } },
    message(metadata('p'), field(2, field(1, message(field(1, 1), field(2, 0), field(3, '50%')))), field(3, message(field(1, 0), field(3, 0), field(4, 0), field(5, 0), field(6, 0))))],
  ['v1', 'ResourceQuota', { metadata: { name: 'q' }, spec: { hard: { cpu: '1500m' } }, status: {} },
    message(metadata('q'), field(2, field(1, message(field(1, 'cpu'), field(2, field(1, '1500m'))))), field(3, ''))],
];

for (const [apiVersion, kind, json, raw] of SAMPLES) {
  test(`${kind} as protobuf written by hand`, () => {
    const type = typeForKind(apiVersion, kind)!;
    const expected = { ...parseGroupVersion(apiVersion)!, kind };
    const protobuf = envelope(apiVersion, kind, raw);
    const { object } = builtinSerializer.decode(protobuf, PROTOBUF_TYPE, expected);
    const fromJson = builtinSerializer.decode(Buffer.from(JSON.stringify(json)), JSON_TYPE, expected, { fieldValidation: 'Strict' }).object;
    assert.deepEqual(object, fromJson);
    assert.equal(builtinSerializer.encode(fromJson, type, PROTOBUF_TYPE).toString('hex'), protobuf.toString('hex'));
  });
}
