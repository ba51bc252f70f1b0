/**
 * Answers with objects, lists, watches and Statuses in the form the client accepts.
 *
 * JSON objects and lists are spliced from stored bytes; every other form is made from the parsed object. Lists beyond a size
 * are made piece by piece while they are being sent, so that no request holds the event loop or all its bytes at once.
 */
import { nextTurn } from '#base/turn';
import { encodeAny } from '#machinery/codec/json-encode';
import { emptyObject } from '#machinery/managed-fields/empty-object';
import type { KubeObject, ListMeta, Status } from '#machinery/meta';
import { newStatusError, type StatusError } from '#machinery/status-error';
import { header, type RequestContext } from '../context.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { objectJson, versionedObject, type ServedResource } from '../served-resource.ts';
import { bytesNow, sizeOf, type DescribedObject } from '../store/described.ts';
import type { ListResult, StoredBytes } from '../store/resource-store.ts';
import { decodeStored, spliceInto, splicedBytes, splicedLength } from '../store/stored-object.ts';
import type { EventEncoder, InPlace } from '../store/watch-stream.ts';
import { encodeEvent, encodeForm } from './encode-form.ts';
import type { HandlerEnvironment } from './environment.ts';
import { MEDIA_TYPES, negotiate, negotiateError, type Output } from './negotiation.ts';
import { columnDefinitions, parseIncludeObject, partialMetadata, tableOf, tableRow, type IncludeObject } from '../resources/printing/table.ts';
import { defaultPrinter, tablePrinterOf } from '../resources/printing/table-printers.ts';
import type { TablePrinter } from '../resources/definition.ts';

/** An event is `{"type":"ADDED","object":{…}}` and a line's end. */
const EVENT_HEAD = '{"type":"';
const EVENT_MIDDLE = '","object":';
const EVENT_END = '}\n';
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
/** Lists up to this size are answered in one piece. */
const WHOLE_BYTES_MAX = 256 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** Bytes of a list after which others get a turn: 2 or 3 ms with their encryption, however fast they are taken. */
const TURN_BYTES = 1024 * 1024;
/** Objects parsed before others get a turn. */
const SLICE_OBJECTS = 100;

/** @throws StatusError 406 */
export function negotiateOutput(context: RequestContext, served: ServedResource, list = false): Output {
  const output = negotiate(header(context.request, 'accept'), { custom: served.custom, shapes: true });
  const watch = context.info.verb === 'watch';
  const { kind } = served.info;
  if (list && !watch && output.shape === 'partial') throw newStatusError(406, 'NotAcceptable', `you requested PartialObjectMetadata, but the requested object is a list (*core.${kind}List)`);
  if ((!list || watch) && output.shape === 'partial-list') throw newStatusError(406, 'NotAcceptable', `you requested PartialObjectMetadataList, but the requested object is not a list (*core.${kind})`);
  if (output.shape === 'table') includeObject(context);
  const pretty = context.info.query.has('pretty') && context.info.query.get('pretty') !== 'false' && context.info.query.get('pretty') !== '0';
  return pretty && !output.pretty ? { ...output, pretty } : output;
}

function response(status: number, output: { format: Output['format']; pretty: boolean }, body: unknown): ApiResponse {
  return { status, headers: { 'content-type': MEDIA_TYPES[output.format] }, body: encodeForm(output.format, body as object, output.pretty) };
}

export function respondStored(context: RequestContext, served: ServedResource, output: Output, stored: StoredBytes, status: number, env: HandlerEnvironment): ApiResponse {
  const hooks = env.hooksOf(served);
  if (output.format === 'json' && output.shape === 'object' && !output.pretty && hooks?.decorate === undefined) {
    return { status, headers: { 'content-type': MEDIA_TYPES.json }, body: objectJson(served, stored) };
  }
  const object = versionedObject(served, stored);
  if (stored.revision === 0) delete object.metadata.resourceVersion;
  hooks?.decorate?.(object);
  return respondObject(context, served, output, object, status, served.conversion === undefined ? object : printedForm(served, stored));
}

/** Printers read built-in kinds in the version that is stored. */
function printedForm(served: ServedResource, stored: StoredBytes): KubeObject {
  return served.conversion === undefined ? versionedObject(served, stored) : decodeStored(stored.bytes, stored.revision);
}

function printerOf(served: ServedResource): TablePrinter<KubeObject> {
  return served.definition.table ?? (served.custom ? defaultPrinter : tablePrinterOf(served.info.group, served.info.resource));
}

/** @throws StatusError 400 */
function includeObject(context: RequestContext): IncludeObject {
  return parseIncludeObject(context.info.query.get('includeObject'));
}

/** An object that is not stored as such (a Scale, a review). */
export function respondObject(context: RequestContext, served: ServedResource, output: Output, object: KubeObject, status: number, printed = object): ApiResponse {
  if (output.shape === 'table') {
    const printer = object.kind === 'Scale' ? tablePrinterOf('autoscaling', 'scales') : printerOf(served);
    const metadata: ListMeta = object.metadata.resourceVersion === undefined ? {} : { resourceVersion: object.metadata.resourceVersion };
    return response(status, output, tableOf(printer, [tableRow(printer, object, includeObject(context), context.nowMs, printed)], metadata));
  }
  return response(status, output, output.shape === 'partial' ? partialMetadata(object) : object);
}

export function respondStatus(request: ApiRequest, status: Status, code: number): ApiResponse {
  const format = negotiateError(header(request, 'accept'));
  return response(code, { format, pretty: false }, status);
}

export function statusErrorResponse(request: ApiRequest, error: StatusError): ApiResponse {
  const answer = respondStatus(request, error.status, error.code === 0 ? 500 : error.code);
  const seconds = error.status.details?.retryAfterSeconds;
  if (seconds !== undefined && seconds > 0) answer.headers['retry-after'] = String(seconds);
  if (error.code === 429 && answer.headers['retry-after'] === undefined) answer.headers['retry-after'] = '1';
  return answer;
}

/** @param saysEnd lists of custom resources say so when they are at their end. */
function listMeta(found: ListResult, saysEnd: boolean): ListMeta {
  return {
    resourceVersion: String(found.revision), ...(found.continueToken === '' && !saysEnd ? {} : { continue: found.continueToken }),
    ...(found.remaining === undefined ? {} : { remainingItemCount: found.remaining }),
  };
}

export function respondList(context: RequestContext, served: ServedResource, output: Output, found: ListResult): ApiResponse {
  if (output.format === 'json' && output.shape === 'object' && !output.pretty && served.conversion === undefined) return jsonList(served, found);
  const include: IncludeObject = output.shape === 'table' ? includeObject(context) : '';
  const item = (object: DescribedObject): unknown => {
    const full = versionedObject(served, object);
    if (output.shape === 'table') return tableRow(printerOf(served), full, include, context.nowMs, printedForm(served, object));
    if (output.shape === 'partial-list') return partialMetadata(full);
    if (served.custom) return full;
    const { apiVersion: _apiVersion, kind: _kind, ...rest } = full;
    return rest;
  };
  const [kind, apiVersion] = output.shape === 'table' ? ['Table', 'meta.k8s.io/v1'] : output.shape === 'partial-list' ? ['PartialObjectMetadataList', 'meta.k8s.io/v1'] : [`${served.info.kind}List`, served.apiVersion];
  const head = { kind, apiVersion, metadata: listMeta(found, served.custom && output.shape === 'object'), ...(output.shape === 'table' ? { columnDefinitions: columnDefinitions(printerOf(served)) } : {}) };
  const field = output.shape === 'table' ? 'rows' : 'items';
  // Kinds without a table of their own have no rows rather than none, as upstream.
  const noRows = field === 'rows' && found.items.length === 0 && printerOf(served) === defaultPrinter;
  if (output.format === 'json' && !output.pretty && !noRows) {
    return { status: 200, headers: { 'content-type': MEDIA_TYPES.json }, body: jsonPieces(`${JSON.stringify(head).slice(0, -1)},${JSON.stringify(field)}:[`, found.items, item) };
  }
  return response(200, output, { ...head, [field]: noRows ? null : found.items.map(item) });
}

/** Joins stored bytes. */
function jsonList(served: ServedResource, found: ListResult): ApiResponse {
  const head = Buffer.from(`{"kind":${JSON.stringify(`${served.info.kind}List`)},"apiVersion":${JSON.stringify(served.apiVersion)},"metadata":${JSON.stringify(listMeta(found, served.custom))},"items":[`);
  let length = head.length + 2 + Math.max(0, found.items.length - 1);
  for (const item of found.items) length += splicedLength(sizeOf(item), item.revision, served.itemSplice);
  const headers = { 'content-type': MEDIA_TYPES.json, 'content-length': String(length) };
  if (length > WHOLE_BYTES_MAX) return { status: 200, headers, body: listChunks(served, found.items, head) };
  const body = Buffer.allocUnsafe(length);
  let at = head.copy(body);
  for (let i = 0; i < found.items.length; i++) {
    if (i > 0) body[at++] = 0x2c;
    at = spliceInto(body, at, bytesNow(found.items[i]!), found.items[i]!.revision, served.itemSplice);
  }
  body.write(']}', at);
  return { status: 200, headers: { 'content-type': MEDIA_TYPES.json }, body };
}

async function* listChunks(served: ServedResource, items: readonly DescribedObject[], head: Buffer): AsyncGenerator<Buffer> {
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let at = head.copy(chunk);
  let sent = 0;
  for (let i = 0; i < items.length; i++) {
    const { revision } = items[i]!;
    const need = splicedLength(sizeOf(items[i]!), revision, served.itemSplice) + 1;
    if (at + need > chunk.length) {
      if (at > 0) yield chunk.subarray(0, at);
      sent += at;
      if (sent >= TURN_BYTES) {
        await nextTurn();
        sent = 0;
      }
      chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, need));
      at = 0;
    }
    if (i > 0) chunk[at++] = 0x2c;
    at = spliceInto(chunk, at, bytesNow(items[i]!), revision, served.itemSplice);
  }
  if (at > 0) yield chunk.subarray(0, at);
  yield Buffer.from(']}');
}

function jsonPieces(head: string, items: readonly DescribedObject[], render: (item: DescribedObject) => unknown): Buffer | AsyncIterable<Buffer> {
  if (items.length <= SLICE_OBJECTS) return Buffer.from(`${head}${items.map((item) => encodeAny(render(item))).join(',')}]}`);
  return (async function* pieces(): AsyncGenerator<Buffer> {
    yield Buffer.from(head);
    for (let from = 0; from < items.length; from += SLICE_OBJECTS) {
      if (from > 0) await nextTurn();
      const text = items.slice(from, from + SLICE_OBJECTS).map((item) => encodeAny(render(item))).join(',');
      yield Buffer.from(from > 0 ? `,${text}` : text);
    }
    yield Buffer.from(']}');
  })();
}

/** How a watch's events are framed. */
export function watchEncoding(context: RequestContext, served: ServedResource, output: Output): { contentType: string; encoder: EventEncoder } {
  const include = output.shape === 'table' ? includeObject(context) : '';
  const contentType = output.format === 'protobuf' ? `${MEDIA_TYPES.protobuf};stream=watch` : MEDIA_TYPES[output.format];
  let first = true;
  const frame = (type: string, object: unknown): Buffer => encodeEvent(output.format, type, object as object);
  const shaped = (object: KubeObject, printed = object): unknown => {
    if (output.shape === 'partial') return partialMetadata(object);
    if (output.shape !== 'table') return object;
    const metadata: ListMeta = { resourceVersion: object.metadata.resourceVersion! };
    const shown = tableOf(printerOf(served), [tableRow(printerOf(served), object, include, context.nowMs, printed)], metadata, first);
    first = false;
    return shown;
  };
  const plain = output.format === 'json' && output.shape === 'object' && served.conversion === undefined;
  const inPlace: InPlace = {
    length: (type, object, revision) => EVENT_HEAD.length + type.length + EVENT_MIDDLE.length + splicedLength(sizeOf(object), revision, served.objectSplice) + EVENT_END.length,
    write(target, at, type, object, revision) {
      const from = at + target.write(`${EVENT_HEAD}${type}${EVENT_MIDDLE}`, at, 'latin1');
      const end = spliceInto(target, from, bytesNow(object), revision, served.objectSplice);
      return end + target.write(EVENT_END, end, 'latin1');
    },
  };
  const encoder: EventEncoder = {
    ...(plain ? { inPlace } : {}),
    key: output.shape === 'table' ? undefined : `${served.apiVersion} ${output.format} ${output.shape}`,
    event(type, object, revision) {
      if (plain) return splicedBytes(bytesNow(object), revision, served.objectSplice, `${EVENT_HEAD}${type}${EVENT_MIDDLE}`, EVENT_END);
      const stored = { bytes: object.bytes, revision };
      return frame(type, shaped(versionedObject(served, stored), output.shape === 'table' ? printedForm(served, stored) : undefined));
    },
    bookmark(revision, initialEventsEnd) {
      const empty = served.custom ? { metadata: {} } : emptyObject(served.info.type, served.resolve);
      const metadata = {
        ...(empty['metadata'] as object), resourceVersion: String(revision), ...(initialEventsEnd ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {}),
      };
      return frame('BOOKMARK', shaped({ kind: served.info.kind, apiVersion: served.apiVersion, ...empty, metadata } as KubeObject));
    },
    error: (error) => frame('ERROR', error.status as unknown as KubeObject),
  };
  return { contentType, encoder };
}

