/**
 * Cuts an expression into tokens, the longest match first, and reports what is none as upstream's lexer does.
 *
 * A piece that starts no token is reported with everything read until it became hopeless, and skipped.
 */
import type { IssueList } from './source-error.ts';

export type TokenKind = 'operator' | 'NUM_FLOAT' | 'NUM_INT' | 'NUM_UINT' | 'STRING' | 'BYTES' | 'IDENTIFIER' | 'ESC_IDENTIFIER' | '<EOF>';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly at: number;
  /** How expectations name it: `')'`, `IDENTIFIER`. */
  readonly name: string;
}

const BLANK = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;
const ESCAPE = String.raw`\\(?:[abfnrtv"'\\?${'`'}]|[0-3][0-7][0-7]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})`;
const STRING = [
  String.raw`"""(?:${ESCAPE}|[^\\])*?"""`, String.raw`'''(?:${ESCAPE}|[^\\])*?'''`,
  String.raw`"(?:${ESCAPE}|[^\\"\n\r])*"`, String.raw`'(?:${ESCAPE}|[^\\'\n\r])*'`,
  String.raw`[rR]"""[^]*?"""`, String.raw`[rR]'''[^]*?'''`, String.raw`[rR]"[^"\n\r]*"`, String.raw`[rR]'[^'\n\r]*'`,
].join('|');

const RULES: ReadonlyArray<readonly [TokenKind, RegExp]> = [
  ['operator', /==|!=|<=|>=|&&|\|\||[<>[\]{}().,\-!?:+*/%]|(?:in|true|false|null)(?![A-Za-z0-9_])/y],
  ['NUM_FLOAT', /\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?/y],
  ['NUM_UINT', /(?:0x[0-9a-fA-F]+|\d+)[uU]/y],
  ['NUM_INT', /0x[0-9a-fA-F]+|\d+/y],
  ['STRING', new RegExp(STRING, 'y')],
  ['BYTES', new RegExp(`[bB](?:${STRING})`, 'y')],
  ['IDENTIFIER', /[A-Za-z_][A-Za-z0-9_]*/y],
  ['ESC_IDENTIFIER', /`[A-Za-z0-9_./ -]+`/y],
];

/** How far a piece that is no token stays hopeful. */
const PREFIXES: ReadonlyArray<readonly [start: string, hopeful: RegExp]> = [
  ['"', new RegExp(String.raw`"(?:${ESCAPE}|[^\\"\n\r])*(?:\\(?:[0-3][0-7]?|[xX][0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7})?)?`, 'y')],
  ["'", new RegExp(String.raw`'(?:${ESCAPE}|[^\\'\n\r])*(?:\\(?:[0-3][0-7]?|[xX][0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7})?)?`, 'y')],
  ['`', /`[A-Za-z0-9_./ -]*/y], ['=', /=/y], ['&', /&/y], ['|', /\|/y],
];

export function tokenize(source: string, issues: IssueList): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const blank = matchAt(BLANK, source, at);
    if (blank !== '') { at += blank.length; continue; }
    const [kind, text] = longest(source, at);
    if (text === '') {
      at = skipHopeless(source, at, issues);
      continue;
    }
    tokens.push({ kind, text, at, name: kind === 'operator' ? `'${text}'` : kind });
    at += text.length;
  }
  tokens.push({ kind: '<EOF>', text: '<EOF>', at: source.length, name: '<EOF>' });
  return tokens;
}

function longest(source: string, at: number): readonly [TokenKind, string] {
  let best: readonly [TokenKind, string] = ['operator', ''];
  for (const [kind, pattern] of RULES) {
    const text = matchAt(pattern, source, at);
    if (text.length > best[1].length) best = [kind, text];
  }
  return best;
}

function skipHopeless(source: string, at: number, issues: IssueList): number {
  const hopeful = PREFIXES.find(([start]) => source.startsWith(start, at))?.[1];
  const length = hopeful === undefined ? 0 : matchAt(hopeful, source, at).length;
  const failing = source.codePointAt(at + length);
  const end = at + length + (failing === undefined ? 0 : String.fromCodePoint(failing).length);
  issues.add(at, `Syntax error: token recognition error at: '${printed(source.slice(at, end))}'`);
  return end;
}

/** Line ends and tabs as escapes. */
function printed(text: string): string {
  return text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
}

function matchAt(pattern: RegExp, source: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? '';
}
