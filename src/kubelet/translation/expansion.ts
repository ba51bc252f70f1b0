/**
 * `$(VAR)` references in commands, arguments and environment values.
 *
 * `$$(VAR)` is the literal `$(VAR)`; a reference that is not known stays as written. No nesting, no recursion.
 */

export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char !== '$' || i + 1 === text.length) { out += char; continue; }
    const next = text[i + 1]!;
    if (next === '$') { out += '$'; i++; continue; }
    const end = next === '(' ? text.indexOf(')', i + 2) : -1;
    if (end === -1) { out += `$${next}`; i++; continue; }
    const name = text.slice(i + 2, end);
    out += lookUp(name) ?? `$(${name})`;
    i = end;
  }
  return out;
}

/** As `expand`, but an unknown reference is an error (subPathExpr). @throws Error naming the missing variables. */
export function expandStrictly(text: string, values: ReadonlyMap<string, string>): string {
  const missing: string[] = [];
  const out = expand(text, (name) => {
    const value = values.get(name);
    if (value === undefined) missing.push(name);
    return value ?? '';
  });
  if (missing.length > 0) throw new Error(`missing value for ${missing.map((name) => `"${name}"`).join(', ')}`);
  return out;
}
