/**
 * An API server as its clients see it, over any transport, in the terms of the checkers.
 *
 * A client whose connection breaks asks again, with the same object and the same precondition: what it is told then is its
 * answer; a refusal then may be its own first attempt's doing, so the outcome is unknown.
 */
import { readBody } from '#client/exchange';
import { TransportError, type Transport } from '#client/transport';
import type { Version, WriteOutcome } from '../checkers/history.ts';
import type { Subject } from '../checkers/workload.ts';
import { objectOf, PREFIX } from './object-store.ts';
import type { WatchOpener } from './object-watch.ts';
import { pause } from './size.ts';

interface Answer { readonly status: number; readonly body: { metadata: { resourceVersion: string; name: string; namespace: string }; data?: { value?: string }; reason?: string; message?: string; items?: Answer['body'][] } }

const RETRY_MS = 25;
const JSON_TYPE = { 'content-type': 'application/json', accept: 'application/json' };

export interface ApiSubjectOptions {
  readonly transport: () => Transport;
  /** Asks again while nobody answers; false: gives up. */
  readonly persists: () => boolean;
}

export class GaveUp extends Error {}

function collectionOf(key: string): { collection: string; name: string } {
  const [namespace, name] = key.slice(PREFIX.length).split('/') as [string, string?];
  return { collection: `/api/v1/namespaces/${namespace}/configmaps`, name: name ?? '' };
}

export function apiSubject({ transport, persists }: ApiSubjectOptions): Subject {
  /** `lost`: an attempt before this answer may have been carried out. */
  async function ask(method: string, path: string, body: unknown, again: boolean): Promise<{ answer: Answer; lost: boolean } | 'unknown'> {
    let lost = false;
    for (;;) {
      try {
        const response = await transport().request({ method, path, headers: JSON_TYPE, ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }) });
        const text = (await readBody(response)).toString();
        const answer: Answer = { status: response.status, body: JSON.parse(text) as Answer['body'] };
        if (answer.status !== 429 && answer.status !== 503) {
          if (answer.status !== 504) return { answer, lost };
          lost = true;
          if (!again) return 'unknown';
        }
      } catch (error) {
        // Cut off in the middle of an answer: no JSON.
        if (!(error instanceof TransportError) && !(error instanceof SyntaxError) && !isConnectionError(error)) throw error;
        if (!(error instanceof TransportError && error.neverSent)) {
          lost = true;
          if (!again) return 'unknown';
        }
      }
      if (!persists()) { if (method === 'GET') throw new GaveUp(); return 'unknown'; }
      await pause(RETRY_MS);
    }
  }

  const versionOf = ({ metadata, data }: Answer['body']): Version => ({ value: data?.value ?? '', revision: Number(metadata.resourceVersion) });

  async function write(key: string, value: string | undefined, expected: number | undefined): Promise<WriteOutcome> {
    const { collection, name } = collectionOf(key);
    const creates = expected === 0 && value !== undefined;
    const object = value === undefined ? undefined : { ...objectOf(key, value), metadata: { ...objectOf(key, value).metadata, ...(expected === undefined || creates ? {} : { resourceVersion: String(expected) }) } };
    const result = creates ? await ask('POST', collection, object, true)
      : value !== undefined ? await ask('PUT', `${collection}/${name}`, object, expected !== undefined)
        : await ask('DELETE', `${collection}/${name}`, { kind: 'DeleteOptions', apiVersion: 'v1', ...(expected === undefined ? {} : { preconditions: { resourceVersion: String(expected) } }) }, expected !== undefined);
    if (result === 'unknown') return { kind: 'unknown' };
    const { answer: { status, body }, lost } = result;
    if (status < 300) return { kind: 'done', revision: value === undefined ? 0 : Number(body.metadata.resourceVersion), previous: creates ? undefined : null };
    if (status !== 409 && status !== 404) throw new Error(`${status} ${body.reason}: ${body.message}`);
    if (lost) return { kind: 'unknown' };
    return { kind: 'refused', current: status === 404 ? undefined : null };
  }

  return {
    write,
    async get(key) {
      const { collection, name } = collectionOf(key);
      const result = await ask('GET', `${collection}/${name}`, undefined, true);
      if (result === 'unknown') throw new GaveUp();
      const { status, body } = result.answer;
      if (status !== 200 && status !== 404) throw new Error(`${status} ${body.reason}: ${body.message}`);
      return status === 404 ? undefined : versionOf(body);
    },
    async list(first, last) {
      const result = await ask('GET', first === PREFIX ? '/api/v1/configmaps' : collectionOf(first).collection, undefined, true);
      if (result === 'unknown') throw new GaveUp();
      const { status, body } = result.answer;
      if (status !== 200) throw new Error(`${status} ${body.reason}: ${body.message}`);
      const items = body.items!.map((item) => ({ key: `${PREFIX}${item.metadata.namespace}/${item.metadata.name}`, ...versionOf(item) }));
      return { revision: Number(body.metadata.resourceVersion), items: items.filter(({ key }) => key >= first && key < last) };
    },
  };
}

function isConnectionError(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'ECONNREFUSED' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** A watch over HTTP on the objects of one namespace. */
export function onApi(transport: () => Transport, namespace: string): WatchOpener {
  return async function* open(from, parity, signal) {
    const query = new URLSearchParams({ watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: '3600' });
    if (parity !== undefined) query.set('labelSelector', `parity=${parity}`);
    if (from === 'initial') { query.set('sendInitialEvents', 'true'); query.set('resourceVersionMatch', 'NotOlderThan'); } else query.set('resourceVersion', String(from));
    const response = await transport().request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/configmaps?${query}`, headers: { accept: 'application/json' }, signal });
    if (response.status === 410) { response.cancel(); yield Buffer.from('{"type":"ERROR","object":{"code":410}}\n'); return; }
    if (response.status !== 200) { response.cancel(); return; }
    yield* response.body;
  };
}
