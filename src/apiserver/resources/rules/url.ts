/**
 * URLs as upstream takes them apart: more is a URL there than in a browser, and the faults have texts that reach the client.
 *
 * Escapes stay as they are written; nothing is resolved or normalised.
 */
import { quote } from '#machinery/go-print';

export interface UrlParts {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

/** @returns the parts, or what is wrong. */
export function parseUrl(text: string): UrlParts | string {
  const fault = (detail: string): string => `parse ${quote(text)}: ${detail}`;
  // eslint-disable-next-line no-control-regex -- that is what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return fault('net/url: invalid control character in URL');
  const hash = text.indexOf('#');
  const fragment = hash === -1 ? '' : text.slice(hash + 1);
  let rest = hash === -1 ? text : text.slice(0, hash);
  if (text === '') return { scheme: '', user: undefined, host: '', path: '', query: '', fragment: '' };
  if (rest.startsWith(':')) return fault('missing protocol scheme');
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(rest)?.[1] ?? '';
  if (scheme !== '') rest = rest.slice(scheme.length + 1);
  const mark = rest.indexOf('?');
  const query = mark === -1 ? '' : rest.slice(mark + 1);
  if (mark !== -1) rest = rest.slice(0, mark);
  if (scheme === '' && !rest.startsWith('/') && /^[^/]*:/.test(rest)) return fault('first path segment in URL cannot contain colon');
  if (scheme !== '' && !rest.startsWith('/')) return { scheme: scheme.toLowerCase(), user: undefined, host: '', path: '', query, fragment };
  let user: string | undefined;
  let host = '';
  if (rest.startsWith('//') && !(scheme === '' && rest.startsWith('///'))) {
    const slash = rest.indexOf('/', 2);
    const authority = slash === -1 ? rest.slice(2) : rest.slice(2, slash);
    rest = slash === -1 ? '' : rest.slice(slash);
    const at = authority.lastIndexOf('@');
    if (at !== -1) user = authority.slice(0, at);
    if (user !== undefined && !/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) return fault('net/url: invalid userinfo');
    host = authority.slice(at + 1);
    const detail = hostFault(host);
    if (detail !== undefined) return fault(detail);
  }
  const bad = badEscape(rest);
  if (bad !== undefined) return fault(`invalid URL escape ${quote(bad)}`);
  return { scheme: scheme.toLowerCase(), user, host, path: rest, query, fragment };
}

function hostFault(host: string): string | undefined {
  let port = '';
  if (host.startsWith('[')) {
    const close = host.lastIndexOf(']');
    if (close === -1) return "missing ']' in host";
    port = host.slice(close + 1);
  } else {
    const colon = host.lastIndexOf(':');
    if (colon !== -1) port = host.slice(colon);
  }
  if (port !== '' && !/^:\d*$/.test(port)) return `invalid port ${quote(port)} after host`;
  const bad = /[^A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"%\u0080-\uffff]/.exec(host);
  if (bad) return `invalid character ${quote(bad[0])} in host name`;
  const escape = badEscape(host);
  return escape === undefined ? undefined : `invalid URL escape ${quote(escape)}`;
}

function badEscape(text: string): string | undefined {
  return /%(?![0-9a-fA-F]{2})[^]{0,2}/.exec(text)?.[0];
}
