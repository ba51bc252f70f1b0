/** An object as bytes of a media type; watch events with their frame. */
import { typeForKind } from '#api/registry';
import { protobufWatchFrame } from '#machinery/codec/protobuf-envelope';
import type { KubeObject } from '#machinery/meta';
import { serializer } from '../codec.ts';
import { MEDIA_TYPES, type Format } from './negotiation.ts';

export function encodeForm(format: Format, object: object, pretty: boolean): Buffer {
  const { apiVersion, kind } = object as KubeObject;
  const type = kind === undefined ? undefined : typeForKind(apiVersion ?? 'v1', kind) ?? (format === 'protobuf' ? typeForKind('v1', kind) : undefined);
  if (format === 'json') {
    const json = serializer.encode(object as Record<string, unknown>, kind === 'Table' ? undefined : type, MEDIA_TYPES.json);
    return pretty ? Buffer.from(`${JSON.stringify(JSON.parse(json.toString('utf8')), null, 2)}\n`) : json;
  }
  if (format === 'yaml') return serializer.encode(object as Record<string, unknown>, undefined, MEDIA_TYPES.yaml);
  return serializer.encode(object as Record<string, unknown>, type, MEDIA_TYPES.protobuf);
}

/** One event of a watch. */
export function encodeEvent(format: Format, type: string, object: object): Buffer {
  if (format === 'protobuf') return protobufWatchFrame(type, encodeForm('protobuf', object, false));
  if (format === 'yaml') return Buffer.from(`---\n${encodeForm('yaml', { type, object }, false).toString('utf8')}`);
  return Buffer.from(`{"type":${JSON.stringify(type)},"object":${encodeForm('json', object, false).toString('utf8')}}\n`);
}
