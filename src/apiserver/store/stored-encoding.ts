/** How objects of a built-in type become stored bytes: canonical JSON in the schema's order, kind and version at the end. */
import { decodeJson } from '#machinery/codec/json-decode';
import { encodeJsonText } from '#machinery/codec/json-encode';
import type { KubeObject } from '#machinery/meta';
import { storedPlanOf } from '../codec.ts';
import { isCanonical, storedTail } from './stored-object.ts';

export interface StoredEncoding {
  readonly tail: string;
  encode(object: KubeObject): Buffer;
  /** Bytes of another writer in our form; our own unchanged. @throws DecodeError */
  canonical(bytes: Buffer): Buffer;
}

export function typedEncoding(typeName: string, apiVersion: string, kind: string): StoredEncoding {
  const tail = storedTail(apiVersion, kind);
  const plan = storedPlanOf(typeName);
  const encode = (object: KubeObject): Buffer => {
    const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object as KubeObject & Record<string, unknown>;
    const { resourceVersion: _resourceVersion, selfLink: _selfLink, ...meta } = metadata;
    const text = encodeJsonText({ metadata: meta, ...rest }, plan);
    return Buffer.from(text.slice(0, -1) + tail);
  };
  return {
    tail, encode,
    canonical: (bytes) => (isCanonical(bytes, tail) ? bytes : encode(decodeJson(bytes.toString('utf8'), plan, false).object as unknown as KubeObject)),
  };
}

