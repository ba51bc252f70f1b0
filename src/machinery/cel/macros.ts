/**
 * Expands macros: calls that are no functions but ways to write a comprehension or a presence test.
 *
 * New nodes point at the macro's own place, so that errors inside them do too.
 */
import { ACCUMULATOR, type CallNode, type MapEntry, type Node, type StructEntry } from './ast.ts';
import type { Value } from './value.ts';

export class NodeFactory {
  #id = 0;

  nothing(at: number): Node { return { kind: 'literal', id: ++this.#id, at, value: null }; }
  literal(at: number, value: Value): Node { return { kind: 'literal', id: ++this.#id, at, value }; }
  ident(at: number, name: string): Node { return { kind: 'ident', id: ++this.#id, at, name }; }
  select(at: number, operand: Node, field: string, testOnly = false): Node { return { kind: 'select', id: ++this.#id, at, operand, field, testOnly }; }
  call(at: number, name: string, args: readonly Node[], target?: Node): Node { return { kind: 'call', id: ++this.#id, at, name, target, args }; }
  list(at: number, items: readonly Node[], optional: ReadonlySet<number> = new Set()): Node { return { kind: 'list', id: ++this.#id, at, items, optional }; }
  map(at: number, entries: readonly MapEntry[]): Node { return { kind: 'map', id: ++this.#id, at, entries }; }
  struct(at: number, name: string, entries: readonly StructEntry[]): Node { return { kind: 'struct', id: ++this.#id, at, name, entries }; }
  comprehension(at: number, parts: ComprehensionParts): Node { return { kind: 'comprehension', id: ++this.#id, at, ...parts }; }

  /** The same tree with identities of its own. */
  copy(node: Node): Node {
    const again = (inner: Node): Node => this.copy(inner);
    const id = ++this.#id;
    switch (node.kind) {
      case 'literal': case 'ident': return { ...node, id };
      case 'select': return { ...node, id, operand: again(node.operand) };
      case 'call': return { ...node, id, target: node.target && again(node.target), args: node.args.map(again) };
      case 'list': return { ...node, id, items: node.items.map(again) };
      case 'map': return { ...node, id, entries: node.entries.map((entry) => ({ ...entry, key: again(entry.key), value: again(entry.value) })) };
      case 'struct': return { ...node, id, entries: node.entries.map((entry) => ({ ...entry, value: again(entry.value) })) };
      case 'comprehension': return {
        ...node, id, range: again(node.range), init: again(node.init), condition: again(node.condition), step: again(node.step), result: again(node.result),
      };
    }
  }
}

interface ComprehensionParts {
  readonly range: Node; readonly variable: string; readonly second: string | undefined; readonly accumulator: string;
  readonly init: Node; readonly condition: Node; readonly step: Node; readonly result: Node;
}

type Expansion = { readonly node: Node } | { readonly at: number; readonly fault: string };

class MacroFault extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** @returns undefined when the call is a function's. */
export function expandMacro(call: CallNode, make: NodeFactory): Expansion | undefined {
  const expand = MACROS.get(`${call.name}:${call.args.length}:${call.target !== undefined}`);
  if (expand === undefined) return undefined;
  try {
    return { node: expand(call, make) };
  } catch (error) {
    if (!(error instanceof MacroFault)) throw error;
    return { at: error.at, fault: error.message };
  }
}

type Expander = (call: CallNode, make: NodeFactory) => Node;

function variableOf(node: Node, fault: string): string {
  if (node.kind !== 'ident') throw new MacroFault(node.at, fault);
  if (node.name === ACCUMULATOR || node.name === '__result__') throw new MacroFault(node.at, 'iteration variable overwrites accumulator variable');
  return node.name;
}

/** The one or two variables that the first arguments name. */
function variables(call: CallNode, two: boolean, fault = 'argument must be a simple name'): { variable: string; second: string | undefined } {
  const variable = variableOf(call.args[0]!, fault);
  if (!two) return { variable, second: undefined };
  const second = variableOf(call.args[1]!, fault);
  if (variable === second) throw new MacroFault(call.args[1]!.at, `duplicate variable name: ${variable}`);
  return { variable, second };
}

function quantifier(kind: 'all' | 'exists' | 'one', two: boolean): Expander {
  return (call, make) => {
    const { at } = call;
    const names = variables(call, two);
    const predicate = call.args.at(-1)!;
    const accumulator = (): Node => make.ident(at, ACCUMULATOR);
    const notFalse = (node: Node): Node => make.call(at, '@not_strictly_false', [node]);
    const parts = { range: call.target!, ...names, accumulator: ACCUMULATOR };
    if (kind === 'all') {
      return make.comprehension(at, { ...parts, init: make.literal(at, true), condition: notFalse(accumulator()),
        step: make.call(at, '_&&_', [accumulator(), predicate]), result: accumulator() });
    }
    if (kind === 'exists') {
      return make.comprehension(at, { ...parts, init: make.literal(at, false), condition: notFalse(make.call(at, '!_', [accumulator()])),
        step: make.call(at, '_||_', [accumulator(), predicate]), result: accumulator() });
    }
    const increment = make.call(at, '_+_', [accumulator(), make.literal(at, 1n)]);
    return make.comprehension(at, { ...parts, init: make.literal(at, 0n), condition: make.literal(at, true),
      step: make.call(at, '_?_:_', [predicate, increment, accumulator()]), result: make.call(at, '_==_', [accumulator(), make.literal(at, 1n)]) });
  };
}

/** Builds a list or map step by step; with a filter, only from what passes it. */
function building(call: CallNode, make: NodeFactory, names: { variable: string; second: string | undefined }, parts: {
  readonly init: Node; readonly step: Node; readonly filter: Node | undefined; readonly range?: Node;
}): Node {
  const { at } = call;
  const accumulator = (): Node => make.ident(at, ACCUMULATOR);
  const step = parts.filter === undefined ? parts.step : make.call(at, '_?_:_', [parts.filter, parts.step, accumulator()]);
  return make.comprehension(at, { range: parts.range ?? call.target!, ...names, accumulator: ACCUMULATOR, init: parts.init,
    condition: make.literal(at, true), step, result: accumulator() });
}

const mapMacro = (two: boolean): Expander => (call, make) => {
  const { at, args } = call;
  const names = two ? variables(call, true) : { variable: variableOf(args[0]!, 'argument is not an identifier'), second: undefined };
  const filter = args.length === (two ? 4 : 3) ? args.at(-2) : undefined;
  const step = make.call(at, '_+_', [make.ident(at, ACCUMULATOR), make.list(at, [args.at(-1)!])]);
  return building(call, make, names, { init: make.list(at, []), step, filter });
};

const filterMacro: Expander = (call, make) => {
  const { at, args } = call;
  const variable = variableOf(args[0]!, 'argument is not an identifier');
  const step = make.call(at, '_+_', [make.ident(at, ACCUMULATOR), make.list(at, [args[0]!])]);
  return building(call, make, { variable, second: undefined }, { init: make.list(at, []), step, filter: args[1] });
};

const transformMap = (entry: boolean): Expander => (call, make) => {
  const { at, args } = call;
  const names = variables(call, true);
  const accumulator = make.ident(at, ACCUMULATOR);
  const transform = args.at(-1)!;
  const step = make.call(at, 'cel.@mapInsert', entry ? [accumulator, transform] : [accumulator, make.ident(at, names.variable), transform]);
  return building(call, make, names, { init: make.map(at, []), step, filter: args.length === 4 ? args[2] : undefined });
};

function bind(at: number, make: NodeFactory, name: string, value: Node, result: Node): Node {
  return make.comprehension(at, { range: make.list(at, []), variable: '#unused', second: undefined, accumulator: name, init: value,
    condition: make.literal(at, false), step: make.ident(at, name), result });
}

const optionalMap = (flat: boolean): Expander => (call, make) => {
  const { at, args } = call;
  const [variable, result] = args as [Node, Node];
  if (variable.kind !== 'ident') throw new MacroFault(variable.at, `${call.name}() variable name must be a simple identifier`);
  const inner = bind(at, make, variable.name, make.call(at, 'value', [], make.copy(call.target!)), result);
  return make.call(at, '_?_:_', [make.call(at, 'hasValue', [], call.target), flat ? inner : make.call(at, 'optional.of', [inner]), make.call(at, 'optional.none', [])]);
};

const sortBy: Expander = (call, make) => {
  const { at, target } = call;
  if (target!.kind === 'literal' || target!.kind === 'map' || target!.kind === 'struct') {
    throw new MacroFault(target!.at, 'sortBy can only be applied to a list, identifier, comprehension, call or select expression');
  }
  const input = (): Node => make.ident(at, '@__sortBy_input__');
  const keys = mapMacro(false)({ ...call, target: input() }, make);
  return bind(at, make, '@__sortBy_input__', target!, make.call(at, '@sortByAssociatedKeys', [keys], input()));
};

const has: Expander = (call, make) => {
  const argument = call.args[0]!;
  if (argument.kind !== 'select') throw new MacroFault(argument.at, 'invalid argument to has() macro');
  return make.select(call.at, argument.operand, argument.field, true);
};

/** Name, number of arguments, whether it is called on something. */
const MACROS: ReadonlyMap<string, Expander> = new Map([
  ['has:1:false', has],
  ['all:2:true', quantifier('all', false)], ['exists:2:true', quantifier('exists', false)],
  ['exists_one:2:true', quantifier('one', false)], ['existsOne:2:true', quantifier('one', false)],
  ['map:2:true', mapMacro(false)], ['map:3:true', mapMacro(false)], ['filter:2:true', filterMacro],
  ['all:3:true', quantifier('all', true)], ['exists:3:true', quantifier('exists', true)],
  ['exists_one:3:true', quantifier('one', true)], ['existsOne:3:true', quantifier('one', true)],
  ['transformList:3:true', mapMacro(true)], ['transformList:4:true', mapMacro(true)],
  ['transformMap:3:true', transformMap(false)], ['transformMap:4:true', transformMap(false)],
  ['transformMapEntry:3:true', transformMap(true)], ['transformMapEntry:4:true', transformMap(true)],
  ['optMap:2:true', optionalMap(false)], ['optFlatMap:2:true', optionalMap(true)],
  ['sortBy:2:true', sortBy],
]);
