/**
 * URLs as Go reads them: requests' absolute ones, with its words for what is none.
 */
import { quote } from '../go-print.ts';
import { Failure } from './value.ts';

export interface ParsedUrl {
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

/** @param text an absolute URL or path. */
export function parseUrl(text: string): ParsedUrl | Failure {
  const requestFault = fault(text, true);
  const wrong = requestFault ?? fault(text.split('#')[0]!, true);
  if (wrong !== undefined) return new Failure(`parse ${quote(text)}: ${wrong}`);
  const { scheme, authority, path, query } = parts(text.split('#')[0]!);
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return { text, scheme: scheme.toLowerCase(), host: unescape(host), path, query };
}

function parts(text: string): { scheme: string; authority: string; path: string; query: string } {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1] ?? '';
  const rest = scheme === '' ? text : text.slice(scheme.length + 1);
  const question = rest.indexOf('?');
  const hierarchy = question === -1 ? rest : rest.slice(0, question);
  const query = question === -1 ? '' : rest.slice(question + 1);
  const match = hierarchy.startsWith('//') && (scheme !== '' || !hierarchy.startsWith('///')) ? /^\/\/([^/]*)(.*)$/s.exec(hierarchy) : null;
  return { scheme, authority: match?.[1] ?? '', path: match?.[2] ?? hierarchy, query };
}

function fault(text: string, request: boolean): string | undefined {
  if (/[\0-\x1f\x7f]/.test(text)) return 'net/url: invalid control character in URL';
  if (text === '') return request ? 'empty url' : undefined;
  if (text === '*') return undefined;
  if (text.startsWith(':')) return 'missing protocol scheme';
  const { scheme, authority, path } = parts(text);
  const rest = scheme === '' ? text : text.slice(scheme.length + 1);
  if (!rest.startsWith('/')) return scheme !== '' && !request ? undefined : 'invalid URI for request';
  return authorityFault(authority) ?? escapeFault(path);
}

const USERINFO = /^(?:[A-Za-z0-9._~:!$&'()*+,;=@-]|%)*$/;
const HOST_CHARACTER = /[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%]|[^\0-\x7f]/;

function authorityFault(authority: string): string | undefined {
  const at = authority.lastIndexOf('@');
  const user = at === -1 ? '' : authority.slice(0, at);
  const host = authority.slice(at + 1);
  const hostWrong = hostFault(host);
  if (hostWrong !== undefined) return hostWrong;
  return USERINFO.test(user) ? escapeFault(user) : 'net/url: invalid userinfo';
}

function hostFault(host: string): string | undefined {
  if (host.startsWith('[')) {
    const end = host.lastIndexOf(']');
    if (end === -1) return "missing ']' in host";
    if (!/^(?::\d*)?$/.test(host.slice(end + 1))) return `invalid port ${quote(host.slice(end + 1))} after host`;
  } else {
    const colon = host.lastIndexOf(':');
    if (colon !== -1 && !/^:\d*$/.test(host.slice(colon))) return `invalid port ${quote(host.slice(colon))} after host`;
  }
  const wrong = [...host].find((character) => !HOST_CHARACTER.test(character));
  return wrong === undefined ? escapeFault(host) : `invalid character ${quote(wrong)} in host name`;
}

function escapeFault(text: string): string | undefined {
  const wrong = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(text);
  return wrong === null ? undefined : `invalid URL escape ${quote(wrong[0])}`;
}

function unescape(text: string): string {
  if (!text.includes('%')) return text;
  return Buffer.from(text.replace(/%([0-9A-Fa-f]{2})|([^\0-\x7f]+)/g, (_, code: string | undefined, wide: string | undefined) =>
    (code === undefined ? Buffer.from(wide!).toString('latin1') : String.fromCharCode(Number.parseInt(code, 16)))), 'latin1').toString();
}

export function hostname({ host }: ParsedUrl): string {
  const bracketed = /^\[(.*)\]/.exec(host);
  return bracketed ? bracketed[1]! : host.replace(/:\d*$/, '');
}

export function port({ host }: ParsedUrl): string {
  return /:(\d*)$/.exec(host.replace(/^\[.*\]/, ''))?.[1] ?? '';
}

export function escapedPath({ path }: ParsedUrl): string {
  if (/^[A-Za-z0-9\-_.~!$&'()*+,;=:@/[\]%]*$/.test(path)) return path;
  const raw = Buffer.from(unescape(path));
  return [...raw].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9\-_.~$&+,/:;=@]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/** Parameters with their values, in order of appearance; malformed ones are left out. */
export function queryValues({ query }: ParsedUrl): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const piece of query.split('&')) {
    if (piece === '' || piece.includes(';')) continue;
    const equals = piece.indexOf('=');
    const [key, value] = equals === -1 ? [piece, ''] : [piece.slice(0, equals), piece.slice(equals + 1)];
    if (escapeFault(key) !== undefined || escapeFault(value) !== undefined) continue;
    const name = unescape(key.replaceAll('+', ' '));
    values.set(name, [...(values.get(name) ?? []), unescape(value.replaceAll('+', ' '))]);
  }
  return values;
}
