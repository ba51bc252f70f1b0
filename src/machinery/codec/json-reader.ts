/**
 * A JSON tokenizer over text: position, strings, numbers, skipping; with the messages of Go's encoding/json.
 *
 * It accepts exactly RFC 8259 within a depth limit, and no lone surrogates in escapes: what was sent is never silently another
 * text (Go makes them U+FFFD). The caller decides what values become.
 */
import { MalformedError } from './decode-error.ts';

/** Objects and lists within each other, in what is passed over. */
const DEPTH_MAX = 10_000;
/** The same in what is kept: it must also be printed, patched and walked. */
export const KEPT_DEPTH_MAX = 1000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t',
};

export type TokenKind = 'object' | 'array' | 'string' | 'number' | 'bool' | 'null';

export class JsonReader {
  readonly text: string;
  pos = 0;
  depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Skips whitespace; the code of the next character, NaN at the end. */
  peek(): number {
    const { text } = this;
    let { pos } = this;
    let code = text.charCodeAt(pos);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++pos);
    this.pos = pos;
    return code;
  }

  /** What sort of value comes next. @throws MalformedError when none can start there. */
  kind(): TokenKind {
    const code = this.peek();
    switch (code) {
      case QUOTE: return 'string';
      case 0x7b: return 'object';
      case 0x5b: return 'array';
      case 0x74: case 0x66: return 'bool';
      case 0x6e: return 'null';
      default:
        if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return 'number';
        throw this.syntaxError('looking for beginning of value');
    }
  }

  syntaxError(where: string, at = this.pos): MalformedError {
    const { text } = this;
    if (at >= text.length) return new MalformedError('unexpected end of JSON input');
    const first = Buffer.from(String.fromCodePoint(text.codePointAt(at)!), 'utf8')[0]!;
    return new MalformedError(`invalid character ${quoteByte(first)} ${where}`);
  }

  /** Past the whitespace at the end. @throws MalformedError when anything else follows. */
  end(): void {
    if (!Number.isNaN(this.peek())) throw this.syntaxError('after top-level value');
  }

  /** At an opening brace or bracket of a value to keep. @throws MalformedError when too many are open. */
  enter(depthMax = KEPT_DEPTH_MAX): void {
    if (++this.depth > depthMax) throw this.syntaxError('exceeded max depth');
    this.pos++;
  }

  /** At the opening brace or after a pair: whether another key follows; false past the closing brace. */
  nextKey(first: boolean): boolean {
    let code = this.peek();
    if (code === 0x7d) {
      this.pos++;
      this.depth--;
      return false;
    }
    if (!first) {
      if (code !== 0x2c) throw this.syntaxError('after object key:value pair');
      this.pos++;
      code = this.peek();
    }
    if (code !== QUOTE) throw this.syntaxError('looking for beginning of object key string');
    return true;
  }

  /** The key, past its colon. */
  key(): string {
    const key = this.string();
    if (this.peek() !== 0x3a) throw this.syntaxError('after object key');
    this.pos++;
    return key;
  }

  /** At the opening bracket or after an element: whether another one follows; false past the closing bracket. */
  nextElement(first: boolean): boolean {
    const code = this.peek();
    if (code === 0x5d) {
      this.pos++;
      this.depth--;
      return false;
    }
    if (first) return true;
    if (code !== 0x2c) throw this.syntaxError('after array element');
    this.pos++;
    if (this.peek() === 0x5d) throw this.syntaxError('looking for beginning of value');
    return true;
  }

  /** At a quote. */
  string(): string {
    const { text } = this;
    const start = this.pos + 1;
    let pos = start;
    for (;;) {
      const code = text.charCodeAt(pos);
      if (code === QUOTE) {
        this.pos = pos + 1;
        return text.slice(start, pos);
      }
      if (code === BACKSLASH || !(code >= 0x20)) break;
      pos++;
    }
    return this.#escapedString(start, pos);
  }

  #escapedString(start: number, from: number): string {
    const { text } = this;
    let out = text.slice(start, from);
    let pos = from;
    let surrogates = false;
    for (;;) {
      const code = text.charCodeAt(pos);
      if (code === QUOTE) break;
      if (!(code >= 0x20)) throw this.syntaxError('in string literal', pos);
      if (code !== BACKSLASH) {
        const plain = pos++;
        for (let next = text.charCodeAt(pos); next !== QUOTE && next !== BACKSLASH && next >= 0x20; next = text.charCodeAt(++pos));
        out += text.slice(plain, pos);
        continue;
      }
      const escape = text[++pos];
      if (escape === 'u') {
        for (let index = 1; index <= 4; index++) {
          if (!/[0-9a-fA-F]/.test(text[pos + index] ?? '')) throw this.syntaxError('in \\u hexadecimal character escape', pos + index);
        }
        const unit = Number.parseInt(text.slice(pos + 1, pos + 5), 16);
        surrogates ||= unit >= 0xd800 && unit <= 0xdfff;
        out += String.fromCharCode(unit);
        pos += 5;
      } else {
        const character = escape === undefined ? undefined : ESCAPES[escape];
        if (character === undefined) throw this.syntaxError('in string escape code', pos);
        out += character;
        pos++;
      }
    }
    this.pos = pos + 1;
    if (surrogates && LONE_SURROGATE.test(out)) throw new MalformedError('invalid lone surrogate in \\u hexadecimal character escape');
    return out;
  }

  /** At a digit or minus: the number as written. */
  number(): string {
    const { text } = this;
    const start = this.pos;
    let pos = start;
    let code = text.charCodeAt(pos);
    if (code === 0x2d) code = text.charCodeAt(++pos);
    if (code === 0x30) {
      code = text.charCodeAt(++pos);
    } else {
      if (!(code >= 0x31 && code <= 0x39)) throw this.syntaxError('in numeric literal', pos);
      while (code >= 0x30 && code <= 0x39) code = text.charCodeAt(++pos);
    }
    if (code === 0x2e) {
      pos = this.#digits(pos + 1, 'after decimal point in numeric literal');
      code = text.charCodeAt(pos);
    }
    if (code === 0x65 || code === 0x45) {
      code = text.charCodeAt(++pos);
      if (code === 0x2b || code === 0x2d) pos++;
      pos = this.#digits(pos, 'in exponent of numeric literal');
    }
    this.pos = pos;
    return text.slice(start, pos);
  }

  #digits(from: number, where: string): number {
    let pos = from;
    let code = this.text.charCodeAt(pos);
    if (!(code >= 0x30 && code <= 0x39)) throw this.syntaxError(where, pos);
    while (code >= 0x30 && code <= 0x39) code = this.text.charCodeAt(++pos);
    return pos;
  }

  /** At `t` or `f`. */
  bool(): boolean {
    const value = this.text[this.pos] === 't';
    this.#literal(value ? 'true' : 'false');
    return value;
  }

  /** At `n`. */
  null(): void {
    this.#literal('null');
  }

  #literal(word: string): void {
    for (let index = 1; index < word.length; index++) {
      if (this.text[this.pos + index] !== word[index]) {
        throw this.syntaxError(`in literal ${word} (expecting '${word[index]}')`, this.pos + index);
      }
    }
    this.pos += word.length;
  }

  /** Checks and passes over one value, however deep. */
  skip(): void {
    /** Of the containers that are open here: whether each is an object. */
    const open: boolean[] = [];
    do {
      if (this.#skipStart(open)) continue;
      while (open.length > 0 && !this.#nextMember(open.at(-1)!)) open.pop();
    } while (open.length > 0);
  }

  /** Past a scalar or an empty container; @returns true when a container was opened whose first value follows. */
  #skipStart(open: boolean[]): boolean {
    switch (this.kind()) {
      case 'string': this.string(); return false;
      case 'number': this.number(); return false;
      case 'bool': this.bool(); return false;
      case 'null': this.null(); return false;
      case 'object': {
        this.enter(DEPTH_MAX);
        if (!this.nextKey(true)) return false;
        this.key();
        open.push(true);
        return true;
      }
      case 'array': {
        this.enter(DEPTH_MAX);
        if (!this.nextElement(true)) return false;
        open.push(false);
        return true;
      }
    }
  }

  #nextMember(isObject: boolean): boolean {
    if (!isObject) return this.nextElement(false);
    if (!this.nextKey(false)) return false;
    this.key();
    return true;
  }
}

/** Go prints the offending byte as if it were Latin-1. */
function quoteByte(byte: number): string {
  if (byte === 0x27) return "'\\''";
  if (byte === 0x22) return "'\"'";
  const character = String.fromCharCode(byte);
  const simple: Readonly<Record<string, string>> = {
    '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\',
  };
  if (simple[character] !== undefined) return `'${simple[character]}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`;
  if (byte >= 0x80 && byte <= 0xa0) return `'\\u00${byte.toString(16)}'`;
  return byte === 0xad ? "'\\u00ad'" : `'${character}'`;
}
