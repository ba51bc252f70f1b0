/**
 * Continue tokens of paged lists: the revision the list is read at and the key it goes on after. Upstream's form and texts.
 */
import { newBadRequest } from '#machinery/status-error';

const TOKEN_VERSION = 'meta.k8s.io/v1';

export interface ContinueToken {
  /** Relative to the list's prefix; the next key is the first at or after it. */
  readonly start: string;
  /** -1: the newest state (an inconsistent continuation). */
  readonly revision: number;
}

export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: TOKEN_VERSION, rv: token.revision, start: token.start })).toString('base64url');
}

/** @throws StatusError 400 for anything this server did not make. */
export function decodeContinue(text: string): ContinueToken {
  const illegal = /[^A-Za-z0-9_-]/.exec(text);
  if (illegal !== null || text.length % 4 === 1) throw invalid(`illegal base64 data at input byte ${illegal?.index ?? text.length - 1}`);
  const data = Buffer.from(text, 'base64url');
  let token: { v?: unknown; rv?: unknown; start?: unknown };
  try { token = JSON.parse(data.toString('utf8')) as typeof token; } catch { throw invalid(jsonFault(data)); }
  if (typeof token !== 'object' || token === null) throw invalid('json: cannot unmarshal into the token');
  if (token.v !== TOKEN_VERSION) throw invalid(`server does not recognize this encoded version ${String(token.v ?? '')}`);
  const { rv = 0, start = '' } = token;
  if (!Number.isSafeInteger(rv) || rv === 0 || (rv as number) < -1) throw invalid(`incorrect encoded start resourceVersion (version ${TOKEN_VERSION})`);
  if (typeof start !== 'string' || start === '') throw invalid(`encoded start key empty (version ${TOKEN_VERSION})`);
  const key = start.startsWith('/') ? start.slice(1) : start;
  const segments = key.replace(/\/$/, '').split('/');
  if (key.endsWith('/') || segments.some((segment) => segment === '' || segment === '.' || segment === '..')) throw invalid(start);
  return { start: key, revision: rv as number };
}

function invalid(detail: string): Error {
  return newBadRequest(`invalid continue token: continue key is not valid: ${detail}`);
}

/** Go's words for the first byte that cannot begin a JSON value. */
function jsonFault(data: Buffer): string {
  const first = data[0];
  if (first === undefined) return 'unexpected end of JSON input';
  if (first === 0x7b || first === 0x5b || first === 0x22) return 'unexpected end of JSON input';
  const shown = first >= 0x20 && first < 0x7f ? String.fromCharCode(first)
    : first < 0x80 ? `\\x${first.toString(16).padStart(2, '0')}` : first < 0xa0 ? `\\u${first.toString(16).padStart(4, '0')}` : String.fromCharCode(first);
  return `invalid character '${shown}' looking for beginning of value`;
}
