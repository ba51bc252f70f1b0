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

const DATA = new URL('../../../shared/roundtrip-v1.36/', import.meta.url);

test('JSON and protobuf of every kind', { skip: !existsSync(DATA) }, async (t) => {
  for (const file of readdirSync(DATA).filter((name) => name.endsWith('.pb'))) {
    const protobuf = readFileSync(new URL(file, DATA));
    const { apiVersion, kind } = readEnvelope(protobuf);
    const type = typeForKind(apiVersion, kind);
    if (type === undefined) continue;
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
