/** Says what is wrong with a pattern in RE2's syntax; upstream's texts. Matches nothing. */

const GROUP_START = /^\((?:\?(?:P?<([A-Za-z0-9_]+)>|([imsU]*(?:-[imsU]+)?)(:|\))))?/;
const ESCAPES = /^\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]{1,6}\}|[pP](?:[A-Za-z]|\{\^?\w+\})|[AbBzdDsSwWafnrtvCQE]|[^A-Za-z0-9])/u;
const REPETITION = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/;
const REPEAT_MAX = 1000;

export function regularExpressionFault(pattern: string): string | undefined {
  const fault = (text: string, part: string): string => `error parsing regexp: ${text}: \`${part}\``;
  const groups: number[] = [];
  let at = 0;
  // What a repetition would repeat: nothing, something, or a repetition already.
  let last: 'none' | 'atom' | 'repeat' = 'none';
  let lastRepeat = '';
  while (at < pattern.length) {
    const rest = pattern.slice(at);
    const char = rest[0]!;
    const repetition = REPETITION.exec(rest)?.[0];
    if (repetition !== undefined) {
      const counts = /\d+/g;
      const numbers = (repetition.match(counts) ?? []).map(Number);
      if (numbers.some((count) => count > REPEAT_MAX) || (numbers.length === 2 && numbers[0]! > numbers[1]!)) return fault('invalid repeat count', repetition);
      if (last === 'none') return fault('missing argument to repetition operator', repetition);
      if (last === 'repeat') return fault('invalid nested repetition operator', lastRepeat + repetition);
      last = 'repeat';
      lastRepeat = repetition;
      at += repetition.length;
      continue;
    }
    let length = 1;
    if (char === '(') {
      const start = GROUP_START.exec(rest)![0];
      if (start === '(' && rest.startsWith('(?')) return groupFault(rest, fault);
      length = start.length;
      if (!start.endsWith(')')) groups.push(at);
      last = 'none';
    } else if (char === ')') {
      if (groups.pop() === undefined) return fault('unexpected )', pattern);
      last = 'atom';
    } else if (char === '[') {
      const end = classEnd(rest);
      if (typeof end === 'string') return end === '' ? fault('missing closing ]', rest) : fault('invalid character class range', end);
      length = end;
      last = 'atom';
    } else if (char === '\\') {
      if (rest.length === 1) return 'error parsing regexp: trailing backslash at end of expression: ``';
      const escape = ESCAPES.exec(rest)?.[0];
      if (escape === undefined) return fault('invalid escape sequence', rest.slice(0, 2));
      length = escape === '\\Q' ? (rest.includes('\\E') ? rest.indexOf('\\E') + 2 : rest.length) : escape.length;
      last = 'atom';
    } else {
      last = char === '|' ? 'none' : 'atom';
    }
    at += length;
  }
  return groups.length > 0 ? fault('missing closing )', pattern) : undefined;
}

function groupFault(rest: string, fault: (text: string, part: string) => string): string {
  const named = /^\(\?P?<[^>]*>?/.exec(rest)?.[0];
  if (named !== undefined && !/^\(\?<[=!]/.test(rest)) return fault('invalid named capture', named.endsWith('>') ? named : rest);
  const part = /^\(\?(?:<?[=!]|[^:)]*?[^imsU:)-])/.exec(rest)?.[0];
  return part === undefined ? fault('missing closing )', rest) : fault('invalid or unsupported Perl syntax', part);
}

/** @returns the length of the class, the bad range in it, or nothing when it has no end. */
function classEnd(rest: string): number | string {
  let at = rest[1] === '^' ? 2 : 1;
  for (let first = true; at < rest.length; first = false) {
    if (rest[at] === ']' && !first) return at + 1;
    const named = /^\[:\^?\w+:\]/.exec(rest.slice(at))?.[0];
    if (named !== undefined) {
      at += named.length;
      continue;
    }
    const from = classAtom(rest, at);
    at += from.length;
    if (rest[at] !== '-' || at + 1 >= rest.length || rest[at + 1] === ']') continue;
    const to = classAtom(rest, at + 1);
    if (from.length === 1 && to.length === 1 && from > to) return `${from}-${to}`;
    at += 1 + to.length;
  }
  return '';
}

function classAtom(rest: string, at: number): string {
  if (rest[at] !== '\\') return String.fromCodePoint(rest.codePointAt(at)!);
  return ESCAPES.exec(rest.slice(at))?.[0] ?? rest.slice(at, at + 2);
}
