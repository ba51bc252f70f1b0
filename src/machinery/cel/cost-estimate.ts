/**
 * The most and the least that an expression may cost, from its tree and the sizes that the schema allows.
 *
 * Paths from variables through fields, elements and keys are followed, so that a limit in the schema counts wherever its value goes.
 */
import { ACCUMULATOR, type CallNode, type ComprehensionNode, type ListNode, type MapNode, type Node } from './ast.ts';
import { LIST_COST, MAP_COST, PATTERN, STRUCT_COST, TRAVERSAL } from './call-cost.ts';
import { estimateCall, type CallEstimate, type Operand } from './call-estimate.ts';
import { add, exactly, multiply, scale, union, UNBOUNDED, UNKNOWN, type Range } from './cost-range.ts';
import type { Environment } from './environment.ts';
import { unwrapOptional, type Type } from './type.ts';
import { codePoints } from './value.ts';

export type { CostEstimate } from './cost-range.ts';

export function estimateCost(tree: Node, environment: Environment): Range {
  return new Estimation(environment).cost(tree);
}

interface EntrySize { readonly container: 'list' | 'map'; readonly key: Range; readonly value: Range }
interface Local { readonly path: readonly string[]; readonly size: Range | undefined; readonly entries: EntrySize | undefined }

const NOTHING_YET: Range = { min: UNBOUNDED, max: 0 };

class Estimation {
  readonly #environment: Environment;
  readonly #paths = new Map<number, readonly string[]>();
  readonly #sizes = new Map<number, Range>();
  readonly #entries = new Map<number, EntrySize>();
  readonly #locals = new Map<string, Local[]>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  cost(node: Node): Range {
    switch (node.kind) {
      case 'literal': return exactly(0);
      case 'ident': return this.#name(node, node.name);
      case 'select': return this.#select(node);
      case 'call': return this.#call(node);
      case 'list': return this.#list(node);
      case 'map': return this.#map(node);
      case 'struct': return add(exactly(STRUCT_COST), ...node.entries.map((entry) => this.cost(entry.value)));
      case 'comprehension': return this.#comprehension(node);
    }
  }

  #name(node: Node, name: string): Range {
    this.#paths.set(node.id, this.#locals.get(name)?.at(-1)?.path ?? [name]);
    return exactly(1);
  }

  #select(node: Node & { kind: 'select' }): Range {
    if (node.qualified !== undefined) return this.#name(node, node.qualified);
    const operand = this.cost(node.operand);
    if (node.testOnly) return operand;
    this.#paths.set(node.id, [...this.#pathOf(node.operand), node.field]);
    return ['map', 'struct', 'parameter'].includes(node.operand.type!.kind) ? add(operand, exactly(1)) : operand;
  }

  #pathOf(node: Node): readonly string[] {
    return (node.kind === 'ident' ? this.#locals.get(node.name)?.at(-1)?.path : undefined) ?? this.#paths.get(node.id) ?? [];
  }

  #call(node: CallNode): Range {
    if (node.name === 'dyn') {
      const cost = this.cost(node.args[0]!);
      this.#copySizes(node, node.args[0]!);
      return add(exactly(1), cost);
    }
    const costs = node.args.map((argument) => this.cost(argument));
    const args = node.args.map((argument) => this.#operand(argument));
    const targetCost = node.target === undefined ? exactly(0) : this.cost(node.target);
    const target = node.target && this.#operand(node.target);
    let total: Range = NOTHING_YET;
    let size: Range | undefined;
    for (const overload of node.overloads ?? []) {
      const estimate = this.#function(node, overload, target, args, costs);
      total = union(total, estimate.cost);
      if (estimate.size) size = size ? union(size, estimate.size) : estimate.size;
      if (overload === 'index_list' || overload === 'index_map') {
        size = this.#entriesOf(node.args[0]!)?.value;
        this.#paths.set(node.id, [...this.#pathOf(node.args[0]!), overload === 'index_list' ? '@items' : '@values']);
      }
      size ??= this.#sizeOf(node);
    }
    if (size) this.#sizes.set(node.id, size);
    return (node.overloads ?? []).length === 0 ? exactly(0) : add(targetCost, total);
  }

  #operand(node: Node): Operand {
    const path = this.#pathOf(node);
    return { type: node.type!, node, path: path[0] === ACCUMULATOR ? undefined : path, size: this.#sizeOf(node) };
  }

  #function(node: CallNode, overload: string, target: Operand | undefined, args: readonly Operand[], costs: readonly Range[]): CallEstimate {
    const known = estimateCall({ name: node.name, overload, target, args, sizeAt: (path) => this.#schemaSize(path) });
    if (known !== undefined) return { cost: add(known.cost, ...costs), size: known.size };
    const size = (operand: Operand): Range => operand.size ?? UNKNOWN;
    const walked = (range: Range, result?: Range): CallEstimate => ({ cost: add(scale(range, TRAVERSAL), ...costs), size: result });
    switch (overload) {
      case 'string_format': return walked(size(target!));
      case 'string_to_bytes': return walked(size(args[0]!), { min: size(args[0]!).min, max: Math.min(UNBOUNDED, size(args[0]!).max * 4) });
      case 'bytes_to_string': return walked(size(args[0]!), { min: Math.floor(size(args[0]!).min / 4), max: size(args[0]!).max });
      case 'strings_quote': return walked(size(args[0]!), { min: size(args[0]!).min + 2, max: Math.min(UNBOUNDED, size(args[0]!).max * 2 + 2) });
      case 'starts_with_string': case 'ends_with_string': return walked(size(args[0]!));
      case 'in_list': return { cost: add(size(args[1]!), ...costs) };
      case 'matches_string': return { cost: add(multiply(scale(add(size(target!), exactly(1)), TRAVERSAL), scale(size(args[0]!), PATTERN)), ...costs) };
      case 'contains_string': return { cost: add(multiply(scale(size(target!), TRAVERSAL), scale(size(args[0]!), TRAVERSAL)), ...costs) };
      case 'logical_or': case 'logical_and': return { cost: { min: costs[0]!.min, max: add(...costs).max } };
      case 'conditional': return this.#conditional(node, args, costs);
      case 'add_string': case 'add_bytes': case 'add_list': return this.#addition(node, overload, args, costs);
      default: return comparing(overload) ? comparison(size(args[0]!), size(args[1]!), costs) : { cost: add(exactly(1), ...costs) };
    }
  }

  #conditional(node: CallNode, args: readonly Operand[], costs: readonly Range[]): CallEstimate {
    const [yes, no] = [this.#entriesOf(node.args[1]!), this.#entriesOf(node.args[2]!)];
    if (yes && no) this.#entries.set(node.id, unionEntries(yes, no));
    return { cost: add(costs[0]!, union(costs[1]!, costs[2]!)), size: union(args[1]!.size ?? UNKNOWN, args[2]!.size ?? UNKNOWN) };
  }

  #addition(node: CallNode, overload: string, args: readonly Operand[], costs: readonly Range[]): CallEstimate {
    const size = add(args[0]!.size ?? UNKNOWN, args[1]!.size ?? UNKNOWN);
    const [left, right] = [this.#entriesOf(node.args[0]!), this.#entriesOf(node.args[1]!)];
    if (left && right) this.#entries.set(node.id, unionEntries(left, right));
    return { cost: add(overload === 'add_list' ? exactly(1) : scale(size, TRAVERSAL), ...costs), size };
  }

  #list(node: ListNode): Range {
    let items: Range = node.items.length === 0 ? exactly(0) : NOTHING_YET;
    const costs = node.items.map((item) => {
      const cost = this.cost(item);
      items = union(items, this.#sizeOf(item) ?? UNKNOWN);
      return cost;
    });
    this.#entries.set(node.id, { container: 'list', key: exactly(1), value: items });
    return add(exactly(LIST_COST), ...costs);
  }

  #map(node: MapNode): Range {
    let keys: Range = node.entries.length === 0 ? exactly(0) : NOTHING_YET;
    let values = keys;
    const costs = node.entries.map((entry) => {
      const cost = add(this.cost(entry.key), this.cost(entry.value));
      keys = union(keys, this.#sizeOf(entry.key) ?? UNKNOWN);
      values = union(values, this.#sizeOf(entry.value) ?? UNKNOWN);
      return cost;
    });
    this.#entries.set(node.id, { container: 'map', key: keys, value: values });
    return add(exactly(MAP_COST), ...costs);
  }

  #comprehension(node: ComprehensionNode): Range {
    const before = add(this.cost(node.range), this.cost(node.init));
    this.#push(node.accumulator, { path: this.#pathOf(node.init), size: this.#sizeOf(node.init), entries: this.#entriesOf(node.init) });
    if (node.condition.kind === 'literal' && node.condition.value === false) return this.#binding(node, before);
    this.#pushVariables(node);
    const loop = add(this.cost(node.condition), this.cost(node.step));
    this.#pop(node.variable);
    if (node.second !== undefined) this.#pop(node.second);
    const result = this.cost(node.result);
    this.#pop(node.accumulator);
    const count = this.#sizeOf(node.range) ?? UNKNOWN;
    if (node.init.kind === 'literal') this.#setSize(node, this.#sizeOf(node.init));
    else if (node.init.kind === 'list' || node.init.kind === 'map') {
      this.#setSize(node, count);
      const entries = this.#entriesOf(node.step);
      if (entries) this.#entries.set(node.id, entries);
    }
    return add(before, result, multiply(count, loop));
  }

  #binding(node: ComprehensionNode, before: Range): Range {
    const result = this.cost(node.result);
    this.#pop(node.accumulator);
    this.#copySizes(node, node.result);
    return add(before, result);
  }

  #pushVariables(node: ComprehensionNode): void {
    const entries = this.#entriesOf(node.range);
    const path = this.#pathOf(node.range);
    const isList = (entries?.container ?? node.range.type!.kind) === 'list';
    const local = (step: string, size: Range | undefined): Local => ({ path: [...path, step], size, entries: undefined });
    if (node.second === undefined) this.#push(node.variable, isList ? local('@items', entries?.value) : local('@keys', entries?.key));
    else {
      this.#push(node.variable, local(isList ? '@indices' : '@keys', entries?.key));
      this.#push(node.second, local(isList ? '@items' : '@values', entries?.value));
    }
  }

  #push(name: string, local: Local): void {
    this.#locals.set(name, [...(this.#locals.get(name) ?? []), local]);
  }

  #pop(name: string): void {
    this.#locals.get(name)!.pop();
  }

  #setSize(node: Node, size: Range | undefined): void {
    if (size) this.#sizes.set(node.id, size);
  }

  #copySizes(to: Node, from: Node): void {
    this.#setSize(to, this.#sizeOf(from));
    const entries = this.#entriesOf(from);
    if (entries) this.#entries.set(to.id, entries);
  }

  #schemaSize(path: readonly string[]): Range | undefined {
    const most = path.length === 0 ? undefined : this.#environment.sizeAt(path);
    return most === undefined ? undefined : { min: 0, max: most };
  }

  #sizeOf(node: Node): Range | undefined {
    const local = node.kind === 'ident' ? this.#locals.get(node.name)?.at(-1)?.size : undefined;
    const known = this.#sizes.get(node.id) ?? literalSize(node);
    if (known) return known;
    const declared = this.#schemaSize(this.#pathOf(node));
    if (declared) {
      this.#sizes.set(node.id, declared);
      return declared;
    }
    return isScalar(node.type!) ? exactly(1) : local;
  }

  #entriesOf(node: Node): EntrySize | undefined {
    return this.#entries.get(node.id) ?? (node.kind === 'ident' ? this.#locals.get(node.name)?.at(-1)?.entries : undefined);
  }
}

function literalSize(node: Node): Range | undefined {
  if (node.kind === 'list') return exactly(node.items.length);
  if (node.kind === 'map') return exactly(node.entries.length);
  if (node.kind !== 'literal') return undefined;
  if (typeof node.value === 'string') return exactly(codePoints(node.value));
  return exactly(node.value instanceof Uint8Array ? node.value.length : 1);
}

function isScalar(type: Type): boolean {
  const inner = unwrapOptional(type);
  return inner ? isScalar(inner) : ['bool', 'double', 'duration', 'int', 'timestamp', 'uint'].includes(type.kind);
}

function unionEntries(a: EntrySize, b: EntrySize): EntrySize {
  return { container: a.container, key: union(a.key, b.key), value: union(a.value, b.value) };
}

function comparing(overload: string): boolean {
  return overload === 'equals' || overload === 'not_equals' || /^(?:less|greater)(?:_equals)?_(?:string|bytes)$/.test(overload);
}

function comparison(a: Range, b: Range, costs: readonly Range[]): CallEstimate {
  const most = Math.min(a.max, b.max);
  return { cost: add(scale({ min: most > 0 ? 1 : 0, max: most }, TRAVERSAL), ...costs) };
}
