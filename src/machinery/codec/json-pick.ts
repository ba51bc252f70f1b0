/**
 * A few values out of the bytes of a JSON object, without parsing the rest.
 *
 * Gives what `JSON.parse` would, narrowed to the wanted paths: the last of duplicate names counts, escaped names are equal to
 * unescaped ones. What is passed over is looked at only so far that its end is found; a text that is cut off or whose brackets do
 * not close is refused. For bytes that are known to be JSON, such as those of a checked record.
 */

/** Names of fields, in ASCII: `true` for the whole value, or what is wanted of an object. */
export interface WantedFields { readonly [name: string]: true | WantedFields }

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const LIST = 0x5b;
const LIST_END = 0x5d;
const SPACE = 0x20;
/** Bytes of a text that are walked through; for the end of a longer one is searched. */
const SHORT_TEXT = 48;

/** @throws SyntaxError */
export function pickJson(bytes: Buffer, wanted: WantedFields): Record<string, unknown> {
  const picker = new Picker(bytes);
  const picked = picker.object(namesOf(wanted));
  picker.end();
  return picked;
}

interface Name { readonly text: string; readonly bytes: Buffer; readonly part: true | readonly Name[] }

const known = new WeakMap<WantedFields, readonly Name[]>();

function namesOf(wanted: WantedFields): readonly Name[] {
  let names = known.get(wanted);
  if (names === undefined) {
    names = Object.entries(wanted).map(([text, part]) => ({ text, bytes: Buffer.from(text), part: part === true ? part : namesOf(part) }));
    known.set(wanted, names);
  }
  return names;
}

class Picker {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#at = skipSpace(bytes, 0);
  }

  object(wanted: readonly Name[]): Record<string, unknown> {
    const bytes = this.#bytes;
    const found: Record<string, unknown> = {};
    this.#take(OBJECT);
    if (bytes[this.#at] === OBJECT_END) { this.#at++; return found; }
    for (;;) {
      if (bytes[this.#at] !== QUOTE) fail(this.#at);
      const end = skipText(bytes, this.#at);
      const name = this.#wantedName(wanted, this.#at + 1, end - 1);
      this.#at = skipSpace(bytes, end);
      this.#take(COLON);
      if (name === undefined) this.#at = skipValue(bytes, this.#at);
      else found[name.text] = name.part !== true && bytes[this.#at] === OBJECT ? this.object(name.part) : this.#value();
      this.#at = skipSpace(bytes, this.#at);
      if (bytes[this.#at] !== COMMA) break;
      this.#at = skipSpace(bytes, this.#at + 1);
    }
    if (bytes[this.#at] !== OBJECT_END) fail(this.#at);
    this.#at++;
    return found;
  }

  end(): void {
    const end = skipSpace(this.#bytes, this.#at);
    if (end < this.#bytes.length) fail(end);
  }

  #wantedName(wanted: readonly Name[], from: number, to: number): Name | undefined {
    const bytes = this.#bytes;
    for (const name of wanted) if (name.bytes.length === to - from && isAt(bytes, from, name.bytes)) return name;
    for (let at = from; at < to; at++) {
      if (bytes[at] !== BACKSLASH) continue;
      const text = JSON.parse(bytes.toString('utf8', from - 1, to + 1)) as string;
      return wanted.find((name) => name.text === text);
    }
    return undefined;
  }

  #value(): unknown {
    const from = this.#at;
    this.#at = skipValue(this.#bytes, from);
    return JSON.parse(this.#bytes.toString('utf8', from, this.#at)) as unknown;
  }

  #take(code: number): void {
    if (this.#bytes[this.#at] !== code) fail(this.#at);
    this.#at = skipSpace(this.#bytes, this.#at + 1);
  }
}

function isAt(bytes: Buffer, from: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name[i]) return false;
  return true;
}

/** All of these return where they end. */
function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at]! <= SPACE) at++;
  return at;
}

function skipValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
  if (first === QUOTE) return skipText(bytes, from);
  if (first === OBJECT || first === LIST) return skipNested(bytes, from);
  let at = from;
  for (; at < bytes.length; at++) {
    const code = bytes[at]!;
    if (code <= SPACE || code === COMMA || code === OBJECT_END || code === LIST_END) break;
  }
  return at === from ? fail(at) : at;
}

function skipNested(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length;) {
    const code = bytes[at]!;
    if (code === QUOTE) { at = skipText(bytes, at); continue; }
    at++;
    if (code === OBJECT || code === LIST) depth++;
    else if ((code === OBJECT_END || code === LIST_END) && --depth === 0) return at;
  }
  return fail(bytes.length);
}

function skipText(bytes: Buffer, from: number): number {
  let at = from + 1;
  for (const until = Math.min(at + SHORT_TEXT, bytes.length); at < until;) {
    const code = bytes[at]!;
    if (code === QUOTE) return at + 1;
    at += code === BACKSLASH ? 2 : 1;
  }
  for (;;) {
    const end = bytes.indexOf(QUOTE, at);
    if (end < 0) fail(bytes.length);
    let before = end;
    while (before > at && bytes[before - 1] === BACKSLASH) before--;
    at = end + 1;
    if ((end - before) % 2 === 0) return at;
  }
}

function fail(at: number): never { throw new SyntaxError(`unexpected end or character in JSON at position ${at}`); }
