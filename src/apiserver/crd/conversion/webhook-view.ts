/**
 * One served version of a custom resource whose definition converts by webhook, as a view on what is stored.
 *
 *     stored bytes (of any version) → their own form → webhook → form of this version's schema → bytes, kept as long as the stored ones
 *
 * Each object version is asked for once, whoever reads it; a failure is not kept. Lists go to the webhook in pieces that do not
 * hold the event loop, several at once.
 */
import type { KubeObject } from '#machinery/meta';
import type { DescribedObject, Describer } from '../../store/described.ts';
import { decodeStored, isCanonical } from '../../store/stored-object.ts';
import type { VersionView } from '../../store/version-view.ts';
import type { Converter } from './webhook-converter.ts';

export interface ViewOptions {
  readonly converter: Converter;
  /** Of this version: `example.com/v2`. */
  readonly apiVersion: string;
  readonly tail: string;
  readonly encode: (object: KubeObject) => Buffer;
  /** Prunes a converted object to this version's schema. Changes the object. */
  readonly shape: (object: KubeObject) => void;
  readonly fields: Describer['fields'];
  /** Ends what is under way: of the server, because readers share conversions. */
  readonly signal: AbortSignal;
  /** Of the version that is stored. */
  readonly stored: { readonly apiVersion: string; readonly encode: (object: KubeObject) => Buffer; readonly shape: (object: KubeObject) => void };
}

/** Of one review. */
const OBJECTS_MAX = 100;
const BYTES_MAX = 64 * 1024;
const REVIEWS_AT_ONCE = 4;

export function webhookView(options: ViewOptions): VersionView {
  const { converter, apiVersion, encode, shape, fields, stored } = options;
  /** By the stored bytes. */
  const shown = new WeakMap<Buffer, Promise<DescribedObject>>();

  const describedAs = (original: DescribedObject, bytes: Buffer, object: KubeObject): DescribedObject =>
    ({ key: original.key, namespace: original.namespace, name: original.name, revision: original.revision, bytes, labels: object.metadata.labels, fields: fields(object) });

  /** Starts what is not under way. After a failure nothing more is asked. */
  function begin(objects: readonly DescribedObject[]): void {
    const runs = piecesOf(objects.filter(({ bytes }) => !shown.has(bytes))).map((piece) => {
      let start!: () => void;
      let giveUp!: (error: unknown) => void;
      const turn = new Promise<void>((resolve, reject) => { start = resolve; giveUp = reject; });
      const converted = turn.then(() => convert(piece));
      for (const [index, { bytes }] of piece.entries()) {
        const one = converted.then((all) => all[index]!);
        one.catch(() => { shown.delete(bytes); });
        shown.set(bytes, one);
      }
      return { start, giveUp, converted };
    });
    const work = async (): Promise<void> => {
      for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
        run.start();
        // Writing and reading reviews takes its time: others go between.
        if (runs.length > 0) await othersTurn();
        await run.converted.catch((error: unknown) => { for (const left of runs.splice(0)) left.giveUp(error); });
      }
    };
    for (let worker = 0; worker < REVIEWS_AT_ONCE && runs.length > 0; worker++) void work();
  }

  async function convert(piece: readonly DescribedObject[]): Promise<DescribedObject[]> {
    const objects = piece.map(({ bytes }) => {
      const object = decodeStored(bytes, 0, true);
      delete object.metadata.resourceVersion;
      return object;
    });
    const converted = await converter.convert(objects, apiVersion, options.signal);
    if (piece.length > 1) await othersTurn();
    return converted.map((object, index) => {
      shape(object);
      return describedAs(piece[index]!, encode(object), object);
    });
  }

  return {
    async show(objects, signal) {
      begin(objects.filter(({ bytes }) => !isCanonical(bytes, options.tail)));
      const result: DescribedObject[] = [];
      for (const object of objects) {
        signal?.throwIfAborted();
        const known = shown.get(object.bytes);
        if (known !== undefined) result.push({ ...await known, key: object.key, revision: object.revision });
        else result.push(fields === NO_FIELDS ? object : describedAs(object, object.bytes, decodeStored(object.bytes, object.revision, true)));
      }
      return result;
    },
    async store(object, signal = options.signal) {
      const { resourceVersion: _resourceVersion, ...metadata } = object.metadata;
      if (object.apiVersion === stored.apiVersion) return stored.encode(object);
      const [converted] = await converter.convert([{ ...object, metadata }], stored.apiVersion, signal);
      stored.shape(converted!);
      return stored.encode(converted!);
    },
  };
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}

/** There is nothing to select by. */
export const NO_FIELDS: Describer['fields'] = () => undefined;

function piecesOf(objects: readonly DescribedObject[]): DescribedObject[][] {
  const pieces: DescribedObject[][] = [];
  let piece: DescribedObject[] = [];
  let bytes = 0;
  for (const object of objects) {
    if (piece.length > 0 && (piece.length === OBJECTS_MAX || bytes + object.bytes.length > BYTES_MAX)) {
      pieces.push(piece);
      piece = [];
      bytes = 0;
    }
    piece.push(object);
    bytes += object.bytes.length;
  }
  return piece.length === 0 ? pieces : [...pieces, piece];
}
