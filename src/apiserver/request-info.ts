/**
 * Parses method and raw request target into a `RequestInfo`, once, for everybody who has to know what is asked.
 *
 * Invariant: nothing is normalised. A target that two parsers could read differently (`..`, encoded slashes, empty
 * segments, NUL, backslashes, broken escapes) is refused with 400 here, before anyone authorizes it; only the tail
 * behind a `proxy` subresource passes on, byte for byte. Whether the resource exists is the router's business.
 */
import { newBadRequest } from '#machinery/status-error';
import type { RequestInfo } from './request.ts';

const TARGET_BYTES_MAX = 64 * 1024;
const PLAIN_PATH = /^(?:\/[A-Za-z0-9_~:@!$&'()*+,=-][A-Za-z0-9._~:@!$&'()*+,=-]*)*\/?$/;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const VERBS: Readonly<Record<string, string>> = { POST: 'create', GET: 'get', HEAD: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);
const VERBS_WITH_SELECTORS: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);
const EMPTY_QUERY = new URLSearchParams();

/** @throws StatusError 400 for a target that is not taken at all. */
export function parseRequestInfo(method: string, target: string): RequestInfo {
  if (target.length > TARGET_BYTES_MAX) throw newBadRequest(`the request target is longer than ${TARGET_BYTES_MAX} bytes`);
  if (!target.startsWith('/')) throw newBadRequest('the request target must be a path: absolute-form and authority-form are not served');
  const mark = target.indexOf('?');
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 || mark === target.length - 1 ? EMPTY_QUERY : parseQuery(target.slice(mark + 1));
  const raw = rawPath.slice(1).split('/');
  if (raw.at(-1) === '') raw.pop();
  const plain = PLAIN_PATH.test(rawPath);
  const tail = plain ? raw.length : proxyTailStart(raw);
  const parts = plain ? raw : raw.slice(0, tail).map((segment, i) => decodeSegment(segment, i, raw));
  return interpret(method, rawPath, plain ? rawPath : undefined, parts, raw, query);
}

function parseQuery(text: string): URLSearchParams {
  if (text.includes('%')) {
    if (BROKEN_ESCAPE.test(text)) throw newBadRequest('the query holds a broken percent escape');
    try { decodeURIComponent(text.replaceAll('+', ' ')); } catch { throw newBadRequest('the query is not UTF-8 after decoding'); }
  }
  return new URLSearchParams(text);
}

/** Index of the first raw segment behind `…/{pods,services,nodes}/NAME/proxy`; past the end when there is none. */
function proxyTailStart(raw: readonly string[]): number {
  const kind = resourceStart(raw);
  return kind >= 0 && raw[kind + 2] === 'proxy' ? kind + 3 : raw.length;
}

/** Where the resource segment stands; -1 when the path has none. */
function resourceStart(parts: readonly string[]): number {
  const base = parts[0] === 'api' ? 2 : parts[0] === 'apis' ? 3 : -1;
  if (base < 0 || parts.length <= base) return -1;
  const start = parts[base] === 'watch' || parts[base] === 'proxy' ? base + 1 : base;
  if (parts[start] === 'namespaces' && parts.length > start + 2 && !NAMESPACE_SUBRESOURCES.has(parts[start + 2]!)) return start + 2;
  return start;
}

function decodeSegment(segment: string, index: number, raw: readonly string[]): string {
  if (segment === '') throw newBadRequest('the path holds an empty segment');
  if (BROKEN_ESCAPE.test(segment)) throw newBadRequest('the path holds a broken percent escape');
  let text: string;
  try { text = decodeURIComponent(segment); } catch { throw newBadRequest('the path is not UTF-8 after decoding'); }
  if (text === '.' || text === '..') {
    const kind = resourceStart(raw);
    throw newBadRequest(kind >= 0 && index > kind ? `Name parameter invalid: "${text}": may not be '${text}'` : `the path may not hold the segment '${text}'`);
  }
  // eslint-disable-next-line no-control-regex
  const bad = /[\u0000-\u001f\u007f/\\;]/.exec(text);
  if (bad !== null) throw newBadRequest(`the path may not hold the character ${JSON.stringify(bad[0])}`);
  return text;
}

function interpret(method: string, rawPath: string, plainPath: string | undefined, parts: readonly string[], raw: readonly string[], query: URLSearchParams): RequestInfo {
  const path = plainPath ?? `/${parts.join('/')}${rawPath.length > 1 && rawPath.endsWith('/') ? '/' : ''}`;
  const prefix = parts[0] ?? '';
  const info = {
    isResourceRequest: false, path, verb: method.toLowerCase(), apiPrefix: '', group: '', version: '', namespace: '', resource: '',
    subresource: '', name: '', rest: '', query, fieldSelector: '', labelSelector: '',
  };
  if ((prefix !== 'api' && prefix !== 'apis') || parts.length < (prefix === 'api' ? 3 : 4)) return info;
  info.apiPrefix = prefix;
  info.group = prefix === 'apis' ? parts[1]! : '';
  let at = prefix === 'apis' ? 2 : 1;
  info.version = parts[at++]!;
  info.isResourceRequest = true;
  const special = parts[at] === 'watch' || parts[at] === 'proxy';
  if (special) {
    info.verb = parts[at++]!;
    if (at >= parts.length) throw newBadRequest(`unable to determine kind and namespace from url, ${path}`);
  } else {
    info.verb = VERBS[method] ?? '';
  }
  if (parts[at] === 'namespaces' && parts.length > at + 1) {
    info.namespace = parts[at + 1]!;
    if (parts.length > at + 2 && !NAMESPACE_SUBRESOURCES.has(parts[at + 2]!)) at += 2;
  }
  info.resource = parts[at]!;
  info.name = parts[at + 1] ?? '';
  if (info.verb !== 'proxy') {
    info.subresource = parts[at + 2] ?? '';
    if (raw.length > at + 3) info.rest = `${raw.slice(at + 3).join('/')}${rawPath.endsWith('/') ? '/' : ''}`;
    else if (info.subresource !== '' && rawPath.endsWith('/')) info.rest = '/';
  }
  readQuery(info, query, special);
  return info;
}

interface MutableInfo { verb: string; name: string; fieldSelector: string; labelSelector: string }

/** A GET or DELETE without a name is about the collection; a list by exact name is authorized as that name. */
function readQuery(info: MutableInfo, query: URLSearchParams, special: boolean): void {
  if (info.name === '' && info.verb === 'get') {
    info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
    const name = exactName(query.get('fieldSelector') ?? '');
    if (name !== undefined) info.name = name;
  } else if (info.name === '' && info.verb === 'delete') {
    info.verb = 'deletecollection';
  }
  if (!special && VERBS_WITH_SELECTORS.has(info.verb)) {
    info.fieldSelector = query.get('fieldSelector') ?? '';
    info.labelSelector = query.get('labelSelector') ?? '';
  }
}

/** Query booleans as upstream reads them: absent, `0` and `false` are false, all else is true. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

/** The name that `metadata.name=NAME` in a field selector asks for. */
function exactName(selector: string): string | undefined {
  if (selector === '' || selector.includes('\\')) return undefined;
  const match = /(?:^|,)\s*metadata\.name==?([^,=!]*)(?:,|$)/.exec(selector);
  const name = match?.[1];
  if (name === undefined || name === '' || name === '.' || name === '..' || /[/%]/.test(name)) return undefined;
  return name;
}
