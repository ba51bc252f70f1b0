/**
 * The grammar of label selector texts.
 *
 *     requirement (',' requirement)*
 *     requirement: key | '!' key | key ('='|'=='|'!='|'>'|'<') value | key ('in'|'notin') '(' value (',' value)* ')'
 *
 * `in` and `notin` are operators only where an operator is expected; a missing value is the empty one.
 */
import { fieldErrorText } from '../field-error.ts';
import { SelectorError, labelKeyFault, newRequirement } from './label-requirement.ts';
import type { LabelOperator, LabelRequirement } from './label-requirement.ts';

type TokenKind = 'error' | 'end' | 'identifier' | ')' | ',' | '!' | '==' | '=' | '>' | 'in' | '<' | '!=' | 'notin' | '(';
interface Token { readonly kind: TokenKind; readonly text: string }

const SYMBOLS: ReadonlySet<string> = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '(']);
const SYMBOL_CHARACTERS = '=!(),><';
const WHITESPACE = ' \t\r\n';
const OPERATOR_OF: Partial<Record<TokenKind, LabelOperator>> = {
  in: 'in', notin: 'notin', '=': '=', '==': '==', '!=': '!=', '>': 'gt', '<': 'lt',
};

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const nul = text.indexOf('\0');
  const end = nul < 0 ? text.length : nul;
  let position = 0;
  while (position < end) {
    const character = text[position]!;
    if (WHITESPACE.includes(character)) { position++; continue; }
    const start = position;
    if (SYMBOL_CHARACTERS.includes(character)) {
      const [token, next] = scanSymbol(text, start, end);
      tokens.push(token);
      position = next;
      continue;
    }
    while (position < end && !WHITESPACE.includes(text[position]!) && !SYMBOL_CHARACTERS.includes(text[position]!)) position++;
    const word = text.slice(start, position);
    tokens.push({ kind: word === 'in' || word === 'notin' ? word : 'identifier', text: word });
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

/** The longest run of symbol characters that is a token. All single characters are. */
function scanSymbol(text: string, start: number, end: number): [token: Token, next: number] {
  let length = 1;
  while (start + length < end && SYMBOLS.has(text.slice(start, start + length + 1))) length++;
  const symbol = text.slice(start, start + length);
  return [{ kind: symbol as TokenKind, text: symbol }, start + length];
}

export class LabelSelectorParser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  /** @throws SelectorError */
  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === 'end') return requirements;
      if (token.kind !== 'identifier' && token.kind !== '!') {
        throw new SelectorError(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const separator = this.#take();
      if (separator.kind === 'end') return requirements;
      if (separator.kind !== ',') throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`);
      const next = this.#peek();
      if (next.kind !== 'identifier' && next.kind !== '!') throw new SelectorError(`found '${next.text}', expected: identifier after ','`);
    }
  }

  #requirement(): LabelRequirement {
    try {
      return this.#parseRequirement();
    } catch (error) {
      if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
      throw error;
    }
  }

  #parseRequirement(): LabelRequirement {
    let key = this.#take();
    const negated = key.kind === '!';
    if (negated) key = this.#take();
    if (key.kind !== 'identifier') throw new SelectorError(`found '${key.text}', expected: identifier`);
    const fault = labelKeyFault(key.text, undefined);
    if (fault !== undefined) throw new SelectorError(fieldErrorText(fault));
    const next = this.#peek().kind;
    if (negated) return newRequirement(key.text, '!', []);
    if (next === 'end' || next === ',') return newRequirement(key.text, 'exists', []);
    const operatorToken = this.#tokens[this.#position++]!;
    const operator = OPERATOR_OF[operatorToken.kind];
    if (operator === undefined) {
      throw new SelectorError(`found '${operatorToken.text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    const values = operator === 'in' || operator === 'notin' ? this.#valueList() : this.#exactValue();
    return newRequirement(key.text, operator, [...values].sort());
  }

  #valueList(): Set<string> {
    const open = this.#take();
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.kind === ')') {
      this.#take();
      return new Set(['']);
    }
    if (first.kind !== 'identifier' && first.kind !== ',') {
      throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.#identifiers();
    this.#take();
    return values;
  }

  /** Up to, not including, the closing parenthesis. */
  #identifiers(): Set<string> {
    const values = new Set<string>();
    for (;;) {
      const token = this.#take();
      const next = this.#peek();
      if (token.kind === 'identifier') {
        values.add(token.text);
        if (next.kind === ')') return values;
        if (next.kind !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.kind === ',') {
        if (values.size === 0 || next.kind === ')' || next.kind === ',') values.add('');
        if (next.kind === ')') return values;
      } else {
        throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
      }
    }
  }

  #exactValue(): Set<string> {
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') return new Set(['']);
    const token = this.#take();
    if (token.kind !== 'identifier') throw new SelectorError(`found '${token.text}', expected: identifier`);
    return new Set([token.text]);
  }

  #peek(): Token {
    return asValue(this.#tokens[this.#position] ?? this.#tokens.at(-1)!);
  }

  #take(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }
}

/** Outside of operator positions `in` and `notin` are plain words. */
function asValue(token: Token): Token {
  return token.kind === 'in' || token.kind === 'notin' ? { kind: 'identifier', text: token.text } : token;
}
