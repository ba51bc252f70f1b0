/** Says what is wrong with a JSONPath template such as `{.spec.containers[0].name}`; upstream's texts. Finds nothing in objects. */

const TERMINATORS = new Set([' ', '\t', '\r', '\n', '.', ',', '[', ']', '$', '@', '{', '}', '']);

class JsonPathFault extends Error {}

/** @returns undefined for a sound path. */
export function jsonPathFault(text: string): string | undefined {
  try {
    readTemplate(text);
    return undefined;
  } catch (error) {
    if (error instanceof JsonPathFault) return error.message;
    throw error;
  }
}

function readTemplate(text: string): void {
  for (let at = text.indexOf('{'); at !== -1; at = text.indexOf('{', at)) at = readAction(text, at + 1);
}

/** @returns the position after the closing brace. */
function readAction(text: string, from: number): number {
  let at = from;
  let recursive = false;
  for (;;) {
    if (text.startsWith('}', at)) return at + 1;
    if (text.startsWith('..', at)) {
      if (recursive) throw new JsonPathFault('invalid multiple recursive descent');
      recursive = true;
      at += 2;
      if (/[\p{L}\p{Nd}_]/u.test(text.charAt(at))) at = skipName(text, at);
      else continue;
    } else if (text.startsWith('[?(', at)) {
      at = readFilter(text, at);
    } else {
      at = readStep(text, at);
    }
    recursive = false;
  }
}

function readStep(text: string, at: number): number {
  const char = text.charAt(at);
  if (char === '' || char === '\n' || char === '\r') throw new JsonPathFault('unclosed action');
  if (char === ' ' || char === '@' || char === '$') return at + 1;
  if (char === '[') return readArray(text, at);
  if (char === '"' || char === "'") return readQuoted(text, at, char);
  if (char === '.') return skipName(text, at + 1);
  if (/[+\-\p{Nd}]/u.test(char)) return readNumber(text, at);
  if (/[\p{L}_]/u.test(char)) return skipName(text, at);
  const point = text.codePointAt(at)!;
  throw new JsonPathFault(`unrecognized character in action: U+${point.toString(16).toUpperCase().padStart(4, '0')} '${String.fromCodePoint(point)}'`);
}

function skipName(text: string, from: number): number {
  let at = from;
  while (!TERMINATORS.has(text.charAt(at))) at += text.charAt(at) === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

function readNumber(text: string, from: number): number {
  const number = /^[+-]?[.\d]*/.exec(text.slice(from))![0];
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(number)) throw new JsonPathFault(`cannot parse number ${number}`);
  return from + number.length;
}

function readQuoted(text: string, from: number, quote: string): number {
  for (let at = from + 1; ; at += 1) {
    const char = text.charAt(at);
    if (char === '' || char === '\n') throw new JsonPathFault('unterminated quoted string');
    if (char === quote && text.charAt(at - 1) !== '\\') return at + 1;
  }
}

function readArray(text: string, from: number): number {
  const end = /[\]\n]/.exec(text.slice(from));
  if (end === null || end[0] === '\n') throw new JsonPathFault('unterminated array');
  const inner = text.slice(from + 1, from + end.index);
  checkIndex(inner);
  return from + end.index + 1;
}

function checkIndex(inner: string): void {
  const parts = inner.split(',');
  if (parts.length > 1) {
    for (const part of parts) readTemplate(`{[${part.trim()}]}`);
    return;
  }
  const key = /^'([^']*)'$/.exec(inner);
  if (key) return readTemplate(`{.${key[1]}}`);
  if (inner === '*') return;
  const slice = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/.exec(inner);
  if (!slice) throw new JsonPathFault(`invalid array index ${inner}`);
  for (const part of slice.slice(1)) if (part?.replace(':', '') === '-') throw new JsonPathFault('array index - is not a number');
}

function readFilter(text: string, from: number): number {
  let quote = '';
  let closed = false;
  let at = from + 3;
  for (; ; at += 1) {
    const char = text.charAt(at);
    if (char === '' || char === '\n') throw new JsonPathFault('unterminated filter');
    if (char === '"' || char === "'") {
      if (quote === '') quote = char;
      else if (char === quote && text.charAt(at - 1) !== '\\') closed = true;
    } else if (char === ')' && (quote !== '') === closed) break;
  }
  if (text.charAt(at + 1) !== ']') throw new JsonPathFault('unclosed array expect ]');
  const condition = text.slice(from + 3, at);
  const sides = /^([^!<>=]+)([!<>=]+)(.+?)$/.exec(condition);
  for (const side of sides ? [sides[1], sides[3]] : [condition]) readTemplate(`{${side}}`);
  return at + 2;
}
