/**
 * Prints values as Go's `%q` and encoding/json do, because clients match on messages that contain them.
 */

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"',
};
const NEEDS_QUOTING = /[^ !#-[\]-~]/u;
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Go's `strconv.Quote`. */
export function quote(text: string): string {
  if (!NEEDS_QUOTING.test(text)) return `"${text}"`;
  let out = '"';
  for (const character of text) {
    const simple = SIMPLE_ESCAPES[character];
    const code = character.codePointAt(0)!;
    if (simple !== undefined) out += simple;
    else if (code >= 0xd800 && code <= 0xdfff) out += '\ufffd';
    else if (PRINTABLE.test(character)) out += character;
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code < 0x10000) out += `\\u${code.toString(16).padStart(4, '0')}`;
    else out += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `${out}"`;
}

const HTML_UNSAFE = /[<>&\u2028\u2029]/g;

/** encoding/json's output: like JSON.stringify, with `<`, `>`, `&` and the line separators escaped. Keys stay in their order. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.replace(HTML_UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A double as Go's `%v` prints it: shortest digits, exponent form below 1e-4 and from 1e21 on. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e21)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return String(value);
}
