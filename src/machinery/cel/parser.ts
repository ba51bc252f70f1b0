/**
 * Reads an expression into its tree, by recursive descent over the grammar of the language definition; macros expand on the way.
 *
 * Depth and size are limited. With any issue the tree is of no use.
 */
import type { CallNode, MapEntry, Node, StructEntry } from './ast.ts';
import { tokenize, type Token } from './lexer.ts';
import { bytesLiteral, doubleLiteral, intLiteral, stringLiteral, uintLiteral } from './literals.ts';
import { expandMacro, NodeFactory } from './macros.ts';
import type { IssueList } from './source-error.ts';
import { EXPRESSION_START, SyntaxLimitError, TokenStream } from './token-stream.ts';

/** Code points in one expression. */
const EXPRESSION_SIZE_MAX = 100_000;
const RECURSION_MAX = 250;
const RESERVED = new Set(['as', 'break', 'const', 'continue', 'else', 'false', 'for', 'function', 'if', 'import', 'in', 'let', 'loop', 'package', 'namespace',
  'null', 'return', 'true', 'var', 'void', 'while']);
const RELATIONS: Readonly<Record<string, string>> = { "'<'": '_<_', "'<='": '_<=_', "'>='": '_>=_', "'>'": '_>_', "'=='": '_==_', "'!='": '_!=_', "'in'": '@in' };
const SUMS: Readonly<Record<string, string>> = { "'+'": '_+_', "'-'": '_-_' };
const PRODUCTS: Readonly<Record<string, string>> = { "'*'": '_*_', "'/'": '_/_', "'%'": '_%_' };

class DepthError extends Error {}

export function parseExpression(source: string, issues: IssueList): Node | undefined {
  if (source.length > EXPRESSION_SIZE_MAX) {
    const size = [...source].length;
    if (size > EXPRESSION_SIZE_MAX) {
      issues.add(-1, `expression code point size exceeds limit: size: ${size}, limit ${EXPRESSION_SIZE_MAX}`);
      return undefined;
    }
  }
  try {
    const tree = new Parser(source, issues).start();
    return issues.issues.length > 0 ? undefined : tree;
  } catch (error) {
    if (error instanceof SyntaxLimitError) return undefined;
    if (!(error instanceof DepthError)) throw error;
    issues.add(-1, `expression recursion limit exceeded: ${RECURSION_MAX}`);
    return undefined;
  }
}

class Parser {
  readonly #issues: IssueList;
  readonly #tokens: TokenStream;
  readonly #make = new NodeFactory();
  #depth = 0;

  constructor(source: string, issues: IssueList) {
    this.#issues = issues;
    this.#tokens = new TokenStream(source, tokenize(source, issues), issues);
  }

  start(): Node {
    const tree = this.#expression();
    this.#tokens.expect('<EOF>', []);
    return tree;
  }

  #expression(): Node {
    if (++this.#depth > RECURSION_MAX) throw new DepthError();
    const condition = this.#or();
    const question = this.#tokens.accept("'?'");
    let result = condition;
    if (question) {
      const yes = this.#tokens.within(["':'"], () => this.#or());
      this.#tokens.expect("':'", EXPRESSION_START);
      result = this.#make.call(question.at, '_?_:_', [condition, yes, this.#expression()]);
    }
    this.#depth--;
    return result;
  }

  #or(): Node {
    return this.#chain({ "'||'": '_||_' }, () => this.#chain({ "'&&'": '_&&_' }, () => this.#chain(RELATIONS, () => this.#chain(SUMS, () => this.#chain(PRODUCTS, () => this.#unary())))));
  }

  #chain(operators: Readonly<Record<string, string>>, operand: () => Node): Node {
    let left = operand();
    for (let length = 0; ; length++) {
      const name = operators[this.#tokens.next.name];
      if (name === undefined) return left;
      if (length > EXPRESSION_SIZE_MAX) throw new DepthError();
      const token = this.#tokens.take();
      left = this.#make.call(token.at, name, [left, operand()]);
    }
  }

  #unary(): Node {
    if (!this.#tokens.startsWith(EXPRESSION_START)) return this.#make.nothing(this.#tokens.next.at);
    const { next } = this.#tokens;
    if (next.name === "'-'" && ['NUM_INT', 'NUM_FLOAT'].includes(this.#tokens.peek(1).kind)) return this.#member();
    if (next.name !== "'-'" && next.name !== "'!'") return this.#member();
    let count = 0;
    while (this.#tokens.accept(next.name)) count++;
    if (!EXPRESSION_START.includes(this.#tokens.next.name)) {
      this.#tokens.noViableAlternative(this.#tokens.next);
      return this.#make.nothing(next.at);
    }
    const operand = this.#member();
    return count % 2 === 0 ? operand : this.#make.call(next.at, next.name === "'!'" ? '!_' : '-_', [operand]);
  }

  #member(): Node {
    let node = this.#primary();
    for (let length = 0; ; length++) {
      if (length > RECURSION_MAX) throw new DepthError();
      const token = this.#tokens.next;
      if (token.name === "'.'") node = this.#afterDot(node, this.#tokens.take());
      else if (token.name === "'['") node = this.#index(node, this.#tokens.take());
      else return node;
    }
  }

  #afterDot(operand: Node, dot: Token): Node {
    const optional = this.#tokens.accept("'?'") !== undefined;
    const { next } = this.#tokens;
    if (next.kind === 'ESC_IDENTIFIER') {
      this.#tokens.take();
      this.#issues.add(next.at, "unsupported syntax: '`'");
      return this.#make.nothing(dot.at);
    }
    if (next.kind !== 'IDENTIFIER') {
      this.#tokens.noViableAlternative(dot);
      return this.#make.nothing(dot.at);
    }
    this.#tokens.take();
    if (optional) return this.#make.call(dot.at, '_?._', [operand, this.#make.literal(next.at, next.text)]);
    if (this.#tokens.next.name !== "'('") return this.#make.select(dot.at, operand, next.text);
    const open = this.#tokens.take();
    return this.#callOrMacro(open.at, next.text, operand, this.#arguments());
  }

  #index(operand: Node, open: Token): Node {
    const optional = this.#tokens.accept("'?'") !== undefined;
    const index = this.#tokens.within(["']'"], () => this.#expression());
    this.#tokens.expect("']'");
    return this.#make.call(open.at, optional ? '_[?_]' : '_[_]', [operand, index]);
  }

  #arguments(): Node[] {
    const found: Node[] = [];
    this.#tokens.within(["')'", "','"], () => {
      if (!this.#tokens.startsWith([...EXPRESSION_START, "')'"]) || this.#tokens.next.name === "')'") return;
      do found.push(this.#expression()); while (this.#tokens.accept("','"));
    });
    this.#tokens.expect("')'");
    return found;
  }

  #callOrMacro(at: number, name: string, target: Node | undefined, args: readonly Node[]): Node {
    if (this.#issues.issues.length > 0) return this.#make.call(at, name, args, target);
    const call = this.#make.call(at, name, args, target) as CallNode;
    const expanded = expandMacro(call, this.#make);
    if (expanded === undefined) return call;
    if ('fault' in expanded) {
      this.#issues.add(expanded.at, expanded.fault);
      return this.#make.nothing(at);
    }
    return expanded.node;
  }

  #primary(): Node {
    const token = this.#tokens.next;
    switch (token.name) {
      case "'('": return this.#nested(this.#tokens.take());
      case "'['": return this.#list(this.#tokens.take());
      case "'{'": return this.#map(this.#tokens.take());
      case "'.'": case 'IDENTIFIER': return this.#named();
      default: return this.#literal(this.#tokens.take());
    }
  }

  #nested(open: Token): Node {
    void open;
    const node = this.#tokens.within(["')'"], () => this.#expression());
    this.#tokens.expect("')'");
    return node;
  }

  #named(): Node {
    const dot = this.#tokens.accept("'.'");
    const { next } = this.#tokens;
    if (next.kind !== 'IDENTIFIER') {
      this.#tokens.noViableAlternative(dot ?? next);
      return this.#make.nothing(next.at);
    }
    const words = this.#structName();
    if (words !== undefined) return this.#struct(`${dot ? '.' : ''}${words.join('.')}`, words.length);
    this.#tokens.take();
    const name = `${dot ? '.' : ''}${next.text}`;
    if (RESERVED.has(next.text)) {
      this.#issues.add(next.at, `reserved identifier: ${next.text}`);
      return this.#make.nothing(next.at);
    }
    if (this.#tokens.next.name !== "'('") return this.#make.ident((dot ?? next).at, name);
    const open = this.#tokens.take();
    return this.#callOrMacro(open.at, name, undefined, this.#arguments());
  }

  /** The words of `a.b.C` where `{` follows. */
  #structName(): string[] | undefined {
    const words: string[] = [];
    for (let ahead = 0; ; ahead += 2) {
      if (this.#tokens.peek(ahead).kind !== 'IDENTIFIER') return undefined;
      words.push(this.#tokens.peek(ahead).text);
      const after = this.#tokens.peek(ahead + 1).name;
      if (after === "'{'") return words;
      if (after !== "'.'") return undefined;
    }
  }

  #struct(name: string, words: number): Node {
    for (let taken = 0; taken < words * 2 - 1; taken++) this.#tokens.take();
    const open = this.#tokens.take();
    const entries: StructEntry[] = [];
    this.#tokens.within(["'}'", "','"], () => {
      while (this.#tokens.next.name === "'?'" || this.#tokens.next.kind === 'IDENTIFIER') {
        const optional = this.#tokens.accept("'?'") !== undefined;
        const field = this.#tokens.take();
        const colon = this.#tokens.next;
        this.#tokens.expect("':'", EXPRESSION_START);
        entries.push({ name: field.text, at: colon.at, optional, value: this.#expression() });
        if (!this.#tokens.accept("','")) return;
      }
    });
    this.#tokens.expect("'}'");
    return this.#make.struct(open.at, name, entries);
  }

  #list(open: Token): Node {
    const items: Node[] = [];
    const optional = new Set<number>();
    this.#tokens.within(["']'", "','"], () => {
      this.#tokens.startsWith([...EXPRESSION_START, "']'", "','", "'?'"]);
      while (!["']'", "','", '<EOF>'].includes(this.#tokens.next.name)) {
        if (this.#tokens.accept("'?'")) optional.add(items.length);
        items.push(this.#expression());
        if (!this.#tokens.accept("','")) return;
      }
      this.#tokens.accept("','");
    });
    this.#tokens.expect("']'");
    return this.#make.list(open.at, items, optional);
  }

  #map(open: Token): Node {
    const entries: MapEntry[] = [];
    this.#tokens.within(["'}'", "','"], () => {
      this.#tokens.startsWith([...EXPRESSION_START, "'}'", "','", "'?'"]);
      while (!["'}'", "','", '<EOF>'].includes(this.#tokens.next.name)) {
        const optional = this.#tokens.accept("'?'") !== undefined;
        const key = this.#tokens.within(["':'"], () => this.#expression());
        this.#tokens.expect("':'", EXPRESSION_START);
        entries.push({ key, optional, value: this.#expression() });
        if (!this.#tokens.accept("','")) return;
      }
      this.#tokens.accept("','");
    });
    this.#tokens.expect("'}'");
    return this.#make.map(open.at, entries);
  }

  #literal(token: Token): Node {
    const negative = token.name === "'-'";
    const digits = negative ? this.#tokens.take() : token;
    const read = (kind: string, value: bigint | number | string | Uint8Array | object | undefined): Node => {
      if (value === undefined) this.#issues.add(token.at, kind);
      return value === undefined ? this.#make.nothing(token.at) : this.#make.literal(token.at, value as never);
    };
    switch (digits.kind) {
      case 'NUM_INT': return read('invalid int literal', intLiteral(digits.text, negative));
      case 'NUM_UINT': return read('invalid uint literal', uintLiteral(digits.text));
      case 'NUM_FLOAT': return read('invalid double literal', doubleLiteral((negative ? '-' : '') + digits.text));
      case 'STRING': return read('unable to unescape string', stringLiteral(digits.text));
      case 'BYTES': return read('unable to unescape string', bytesLiteral(digits.text));
      default: return this.#make.literal(token.at, digits.text === 'null' ? null : digits.text === 'true');
    }
  }
}
