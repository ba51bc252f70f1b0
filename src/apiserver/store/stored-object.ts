/**
 * The bytes of an object version, as stored and as sent.
 *
 *     stored   {"metadata":{REST},FIELDS,"apiVersion":"v1","kind":"Pod"}
 *     item     {"metadata":{"resourceVersion":"7",REST},FIELDS}                                    in a typed list
 *     object   {"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7",REST},FIELDS}     on its own
 *
 * The resource version is the store's revision of the key, so it is not stored but spliced in; kind and apiVersion stand
 * at the end, where cutting them off is a slice. Sending an object therefore copies its bytes and parses nothing.
 */
import { readAny } from '#machinery/codec/json-any';
import { encodeAny } from '#machinery/codec/json-encode';
import { JsonReader } from '#machinery/codec/json-reader';
import type { KubeObject } from '#machinery/meta';

/** Every stored object begins with this. */
const HEAD = '{"metadata":{';

/** Whole numbers beyond 2^53 keep their value as bigints; they are rare, so that most objects take the fast way. */
const LONG_NUMBER = /[:,[]-?\d{16}/;

/** What stands at the end of a stored object of that kind. */
export function storedTail(apiVersion: string, kind: string): string {
  return `,"apiVersion":${JSON.stringify(apiVersion)},"kind":${JSON.stringify(kind)}}`;
}

/** Canonical bytes, without the resource version. The object is not changed. */
export function encodeStored(object: KubeObject, tail: string): Buffer {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object as KubeObject & Record<string, unknown>;
  const { resourceVersion: _resourceVersion, selfLink: _selfLink, ...meta } = metadata;
  const text = encodeAny({ metadata: meta, ...rest });
  return Buffer.from(text.slice(0, -1) + tail);
}

/** The object in the version it is stored in. @param exact whole numbers may be bigints: without a schema nobody knows better. */
export function decodeStored<T extends KubeObject = KubeObject>(bytes: Buffer, revision: number, exact = false): T {
  const text = bytes.toString('utf8');
  const object = (exact && LONG_NUMBER.test(text) ? readAny(new JsonReader(text)) : JSON.parse(text)) as T;
  object.metadata.resourceVersion = String(revision);
  return object;
}

/** Whether bytes found in the store are of this form (others were written by something else and must be re-encoded). */
export function isCanonical(bytes: Buffer, tail: string): boolean {
  return bytes.length > HEAD.length + tail.length && bytes.toString('latin1', 0, HEAD.length) === HEAD
    && bytes.toString('utf8', bytes.length - Buffer.byteLength(tail)) === tail;
}

/** How an object is wrapped when sent: the same for all objects of one resource and version. */
export interface Splice {
  /** What stands before `"metadata":{"resourceVersion":"`. */
  readonly head: string;
  /** Length of what is cut off the end of the stored bytes. */
  readonly tailLength: number;
}

export function objectSplice(apiVersion: string, kind: string, tail: string): Splice {
  return { head: `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`, tailLength: Buffer.byteLength(tail) };
}

/** Items of built-in typed lists carry no kind and apiVersion. */
export function itemSplice(tail: string): Splice {
  return { head: '{', tailLength: Buffer.byteLength(tail) };
}

/** Revision 0 (a dry run's object) shows no resource version. */
function prefix(splice: Splice, revision: number): string {
  if (revision === 0) return `${splice.head}"metadata":{`;
  return `${splice.head}"metadata":{"resourceVersion":"${revision}",`;
}

/** Of `"metadata":{"resourceVersion":"…",`, the revision aside. */
const REVISION_HEAD_LENGTH = '"metadata":{"resourceVersion":"",'.length;

function digits(revision: number): number {
  let count = 1;
  for (let bound = 10; revision >= bound; bound *= 10) count++;
  return count;
}

/** Bytes that `spliceInto` will write. Lists ask for every object before they begin: nothing is built here. */
export function splicedLength(size: number, revision: number, splice: Splice): number {
  return splice.head.length + (revision === 0 ? HEAD.length - 1 : REVISION_HEAD_LENGTH + digits(revision)) + size - HEAD.length - splice.tailLength + 1;
}

/** Writes the object at `at`. @returns where it ends. */
export function spliceInto(target: Buffer, at: number, bytes: Buffer, revision: number, splice: Splice): number {
  const head = prefix(splice, revision);
  target.write(head, at, 'latin1');
  const body = at + head.length;
  const end = body + bytes.copy(target, body, HEAD.length, bytes.length - splice.tailLength);
  target[end] = 0x7d;
  return end + 1;
}

/** The object on its own, with text before and after it. */
export function splicedBytes(bytes: Buffer, revision: number, splice: Splice, before = '', after = ''): Buffer {
  const length = before.length + splicedLength(bytes.length, revision, splice) + after.length;
  const target = Buffer.allocUnsafe(length);
  target.write(before, 0, 'latin1');
  const end = spliceInto(target, before.length, bytes, revision, splice);
  target.write(after, end, 'latin1');
  return target;
}
