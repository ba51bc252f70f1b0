/**
 * Headers that name users and groups (`Impersonate-*`, `X-Remote-*`).
 *
 * Each repetition is a value of its own: the listener hands these headers over as arrays, because a joined
 * `a, b` could not be told from one group whose name holds a comma.
 */

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

const REPEATED = /^(impersonate-|x-remote-)/;

/** Whether the listener must keep the repetitions of this header apart. */
export function isIdentityHeader(lowerCaseName: string): boolean {
  return REPEATED.test(lowerCaseName);
}

export function headerValues(headers: Headers, name: string): string[] {
  const value = headers[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

export function firstHeader(headers: Headers, name: string): string {
  return headerValues(headers, name)[0] ?? '';
}

/** Keys of extras travel percent-encoded; one that cannot be decoded is taken as it stands. */
export function unescapeExtraKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** Node's headers with the identity headers as arrays, one value per repetition. @param raw names and values in turn. */
export function withSeparateIdentities(headers: Headers, raw: readonly string[]): Headers {
  let separate: Record<string, string | string[] | undefined> | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    // `i` and `x`, of either case: most headers begin otherwise.
    const first = raw[i]!.charCodeAt(0) | 0x20;
    if (first !== 0x69 && first !== 0x78) continue;
    const name = raw[i]!.toLowerCase();
    if (!isIdentityHeader(name)) continue;
    if (separate === undefined) {
      separate = {};
      for (const known of Object.keys(headers)) if (!isIdentityHeader(known)) separate[known] = headers[known];
    }
    separate[name] = [...(separate[name] as string[] | undefined ?? []), raw[i + 1]!];
  }
  return separate ?? headers;
}
