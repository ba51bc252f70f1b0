/**
 * Walks the tokens and mends what does not fit, in the way and with the words of upstream's parser generator.
 *
 * One superfluous token is skipped, one missing token is pretended; else the reader goes on where something that may follow
 * stands. After a fault nothing more is reported until a token fits again.
 */
import type { Token } from './lexer.ts';
import type { IssueList } from './source-error.ts';

/** The order in which expectations are listed. */
const ORDER = ["'=='", "'!='", "'in'", "'<'", "'<='", "'>='", "'>'", "'&&'", "'||'", "'['", "']'", "'{'", "'}'", "'('", "')'", "'.'", "','", "'-'", "'!'",
  "'?'", "':'", "'+'", "'*'", "'/'", "'%'", "'true'", "'false'", "'null'", 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER', 'ESC_IDENTIFIER'];
export const EXPRESSION_START = ["'['", "'{'", "'('", "'.'", "'-'", "'!'", "'true'", "'false'", "'null'", 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER'];
const MEMBER_FOLLOW = ["'.'", "'['"];
const OPERATORS = ["'=='", "'!='", "'in'", "'<'", "'<='", "'>='", "'>'", "'&&'", "'||'", "'-'", "'?'", "'+'", "'*'", "'/'", "'%'"];
/** Syntax errors after which reading ends. */
const REPORTS_MAX = 100;

export class SyntaxLimitError extends Error {}

export class TokenStream {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  readonly #issues: IssueList;
  /** What may follow in each enclosing construct. */
  readonly #enclosing: string[][] = [['<EOF>']];
  #at = 0;
  #recovering = false;
  #reports = 0;

  constructor(source: string, tokens: readonly Token[], issues: IssueList) {
    this.#source = source;
    this.#tokens = tokens;
    this.#issues = issues;
  }

  get next(): Token { return this.#tokens[this.#at]!; }

  peek(ahead: number): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }

  take(): Token {
    const token = this.next;
    if (token.kind !== '<EOF>') this.#at++;
    this.#recovering = false;
    return token;
  }

  accept(name: string): Token | undefined {
    return this.next.name === name ? this.take() : undefined;
  }

  within<T>(follow: string[], read: () => T): T {
    this.#enclosing.push(follow);
    try { return read(); } finally { this.#enclosing.pop(); }
  }

  /** @param fits whether a token may stand after the expected one. @returns false when the construct cannot be finished. */
  expect(name: string, fits: readonly string[] = [...MEMBER_FOLLOW, ...OPERATORS]): boolean {
    if (this.accept(name)) return true;
    if (this.peek(1).name === name && this.next.kind !== '<EOF>') {
      this.#report(`extraneous input ${this.#show(this.next)} expecting ${name}`);
      this.#at++;
      this.take();
      return true;
    }
    const follows = new Set([...fits, ...this.#enclosing.flat()]);
    if (follows.has(this.next.name)) {
      this.#report(`missing ${name} at ${this.#show(this.next)}`);
      return true;
    }
    this.#report(`mismatched input ${this.#show(this.next)} expecting ${name}`);
    this.recover(MEMBER_FOLLOW);
    return false;
  }

  /** @returns false when none of the names comes next, nor after one superfluous token. */
  startsWith(names: readonly string[]): boolean {
    if (names.includes(this.next.name)) return true;
    const expected = ORDER.filter((name) => names.includes(name)).join(', ');
    if (this.next.kind !== '<EOF>' && names.includes(this.peek(1).name)) {
      this.#report(`extraneous input ${this.#show(this.next)} expecting {${expected}}`);
      this.#at++;
      this.#recovering = false;
      return true;
    }
    this.#report(`mismatched input ${this.#show(this.next)} expecting {${expected}}`);
    this.recover([]);
    return false;
  }

  noViableAlternative(from: Token): void {
    const end = this.next.kind === '<EOF>' ? '<EOF>' : this.next.text;
    const text = `${this.#source.slice(from.at, this.next.at)}${end}`;
    const reserved = /^.(true|false|null)$/.exec(text)?.[1];
    this.#report(reserved === undefined ? `no viable alternative at input '${text}'` : `mismatched input '${reserved}' expecting IDENTIFIER`);
    this.recover(MEMBER_FOLLOW);
  }

  recover(alsoFits: readonly string[]): void {
    const follows = new Set([...alsoFits, ...OPERATORS, ...this.#enclosing.flat()]);
    while (this.next.kind !== '<EOF>' && !follows.has(this.next.name)) this.#at++;
  }

  #show(token: Token): string {
    return `'${token.text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}'`;
  }

  #report(message: string): void {
    if (this.#recovering) return;
    this.#recovering = true;
    if (++this.#reports > REPORTS_MAX) {
      this.#issues.add(this.next.at, `Syntax error: More than ${REPORTS_MAX} syntax errors`);
      throw new SyntaxLimitError();
    }
    this.#issues.add(this.next.at, `Syntax error: ${message}`);
  }
}
