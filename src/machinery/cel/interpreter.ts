/**
 * Turns a checked tree into closures, and runs them with a cost meter.
 *
 * A failure flows upward as a value; `&&`, `||` and the quantifiers built on them may swallow it. Going over the cost limit is
 * the one thing that is thrown.
 */
import { ACCUMULATOR, type CallNode, type ComprehensionNode, type ListNode, type MapNode, type Node, type SelectNode, type StructNode } from './ast.ts';
import { costOfCall, LIST_COST, MAP_COST, STRUCT_COST } from './call-cost.ts';
import { CostLimitError, WRITTEN_MAX } from './cost-limit.ts';
import { isOfType, type Overload } from './declaration.ts';
import type { Environment } from './environment.ts';
import { NONE } from './library/optionals.ts';
import { compilePattern } from './pattern.ts';
import {
  Failure, isList, isMap, listItem, listSize, mapEntries, MapValue, NO_SUCH_OVERLOAD, Optional, typeNameOf, TypeValue, Uint, type Value,
} from './value.ts';

/** A literal that can never convert; its message says why. */
export class PlanError extends Error {}

export interface Frame {
  readonly variables: Readonly<Record<string, Value | Failure>>;
  readonly slots: Array<Value | Failure>;
  cost: number;
  readonly costMax: number;
  /** Characters and items made so far. */
  written: number;
}

export type Step = (frame: Frame) => Value | Failure;

interface Plan { readonly run: Step; readonly constant?: Value }

export function planExpression(root: Node, environment: Environment): Step {
  return new Planner(environment).plan(root).run;
}

function spend(frame: Frame, cost: number): void {
  frame.cost += cost;
  if (frame.cost > frame.costMax) throw new CostLimitError();
}

function write(frame: Frame, count: number): void {
  frame.written += count;
  if (frame.written > WRITTEN_MAX) throw new CostLimitError();
}

const CONVERSIONS = new Set(['bool', 'bytes', 'double', 'duration', 'int', 'string', 'timestamp', 'uint']);

class Planner {
  readonly #environment: Environment;
  readonly #slots = new Map<string, number[]>();
  #slotCount = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  plan(node: Node): Plan {
    switch (node.kind) {
      case 'literal': return { run: () => node.value, constant: node.value };
      case 'ident': return { run: this.#name(node.name) };
      case 'select': return { run: this.#select(node) };
      case 'call': return this.#call(node);
      case 'list': return { run: this.#list(node) };
      case 'map': return { run: this.#map(node) };
      case 'struct': return { run: this.#struct(node) };
      case 'comprehension': return { run: this.#comprehension(node) };
    }
  }

  #steps(nodes: readonly Node[]): readonly Step[] {
    return nodes.map((node) => this.plan(node).run);
  }

  #name(written: string): Step {
    const name = written.startsWith('.') ? written.slice(1) : written;
    const slot = this.#slots.get(name)?.at(-1);
    if (slot !== undefined) return (frame) => { spend(frame, 1); return frame.slots[slot]!; };
    if (!this.#environment.variables.has(name) && this.#environment.typeNames.has(name)) {
      const type = new TypeValue(name);
      return (frame) => { spend(frame, 1); return type; };
    }
    const missing = new Failure(`no such attribute(s): ${name}`);
    return (frame) => { spend(frame, 1); return frame.variables[name] ?? (frame.variables[name] === null ? null : missing); };
  }

  #select(node: SelectNode): Step {
    if (node.qualified !== undefined) return this.#name(node.qualified);
    const operand = this.plan(node.operand).run;
    const { field, testOnly } = node;
    return (frame) => {
      const value = operand(frame);
      if (value instanceof Failure) return value;
      spend(frame, testOnly ? 0 : 1);
      if (value instanceof Optional) {
        const inner = value.value === undefined ? NONE : optionalField(value.value, field);
        return testOnly && inner instanceof Optional ? inner.value !== undefined : inner;
      }
      if (!isMap(value)) return testOnly ? NO_SUCH_OVERLOAD : noKey(value, field);
      const found = value.find(field);
      if (testOnly) return found !== undefined;
      return found === undefined ? new Failure(`no such key: ${field}`) : found;
    };
  }

  #call(node: CallNode): Plan {
    const args = node.target === undefined ? node.args : [node.target, ...node.args];
    switch (node.name) {
      case '_&&_': return { run: logical(this.#steps(args), false) };
      case '_||_': return { run: logical(this.#steps(args), true) };
      case '_?_:_': return { run: conditional(this.#steps(args)) };
      case '@not_strictly_false': return { run: notStrictlyFalse(this.#steps(args)[0]!) };
      case '_?._': return { run: optionalSelect(this.plan(args[0]!).run, (args[1] as { value: Value }).value) };
      case '_[_]': return { run: index(this.#steps(args), false) };
      case '_[?_]': return { run: index(this.#steps(args), true) };
      case 'or': case 'orValue': if (node.overloads?.[0]?.startsWith('optional_or')) return { run: optionalOr(this.#steps(args), node.name === 'orValue') }; break;
      case 'type': return { run: typeOfValue(this.#steps(args)[0]!) };
      default: break;
    }
    return appending(node) ? { run: this.#append(node) } : this.#function(node, args);
  }

  #function(node: CallNode, args: readonly Node[]): Plan {
    const plans = args.map((argument) => this.plan(argument));
    if ((node.name === 'find' || node.name === 'findAll') && typeof plans[1]?.constant === 'string') {
      const compiled = compilePattern(plans[1].constant);
      if (compiled instanceof Failure) throw new PlanError(compiled.message);
    }
    const overloads = (node.overloads ?? []).map((id) => this.#environment.overloads.get(id)!).filter((candidate) => candidate.run !== undefined);
    const constant = plans.length === 1 && CONVERSIONS.has(node.name) ? plans[0]!.constant : undefined;
    if (constant !== undefined) {
      const value = pick(overloads, [constant])?.run!([constant]) ?? NO_SUCH_OVERLOAD;
      if (value instanceof Failure) throw new PlanError(value.message);
      return { run: () => value, constant: value };
    }
    const certain = overloads.length === 1 && args.every((argument) => !['dyn', 'parameter', 'error'].includes(argument.type!.kind));
    return { run: functionCall(node.name, overloads, plans.map((plan) => plan.run), certain) };
  }

  /** A macro's growing list or map is its own: it grows in place. */
  #append(node: CallNode): Step {
    const slot = this.#slots.get(ACCUMULATOR)!.at(-1)!;
    const added = this.#steps(node.args.slice(1));
    if (node.name === '_+_') {
      return (frame) => {
        const items = added[0]!(frame);
        if (items instanceof Failure) return items;
        spend(frame, 2);
        const list = frame.slots[slot] as Value[] | Failure;
        if (!(list instanceof Failure)) list.push(...(items as Value[]));
        return list;
      };
    }
    return (frame) => {
      const values = added.map((step) => step(frame));
      const failed = values.find((value) => value instanceof Failure);
      if (failed !== undefined) return failed;
      spend(frame, 2);
      return insertInto(frame.slots[slot]!, values as Value[]);
    };
  }

  #list(node: ListNode): Step {
    const items = this.#steps(node.items);
    const { optional } = node;
    return (frame) => {
      const values: Value[] = [];
      for (let at = 0; at < items.length; at++) {
        const value = items[at]!(frame);
        if (value instanceof Failure) return value;
        if (!optional.has(at)) { values.push(value); continue; }
        if (!(value instanceof Optional)) return new Failure(`cannot initialize optional list element from non-optional value ${String(value)}`);
        if (value.value !== undefined) values.push(value.value);
      }
      spend(frame, LIST_COST);
      return values;
    };
  }

  #map(node: MapNode): Step {
    const entries = node.entries.map((entry) => ({ key: this.plan(entry.key).run, value: this.plan(entry.value).run, optional: entry.optional }));
    return (frame) => {
      const map = new MapValue();
      for (const entry of entries) {
        const key = entry.key(frame);
        if (key instanceof Failure) return key;
        const value = entry.value(frame);
        if (value instanceof Failure) return value;
        if (!entry.optional) map.set(key, value);
        else if (!(value instanceof Optional)) return new Failure(`cannot initialize optional entry '${String(key)}' from non-optional value ${String(value)}`);
        else if (value.value !== undefined) map.set(key, value.value);
      }
      spend(frame, MAP_COST);
      return map;
    };
  }

  #struct(node: StructNode): Step {
    const entries = node.entries.map((entry) => ({ name: entry.name, value: this.plan(entry.value).run, optional: entry.optional }));
    const wrapped = this.#environment.wrappers.has(node.name);
    const empty: Record<string, Value> = { int: 0n, uint: new Uint(0n), double: 0, string: '', bool: false, bytes: new Uint8Array() };
    return (frame) => {
      const map = new MapValue(node.name);
      for (const entry of entries) {
        const value = entry.value(frame);
        if (value instanceof Failure) return value;
        if (!entry.optional) map.set(entry.name, value);
        else if (value instanceof Optional && value.value !== undefined) map.set(entry.name, value.value);
      }
      spend(frame, STRUCT_COST);
      return wrapped ? map.find('value') ?? empty[node.type!.kind]! : map;
    };
  }

  #bind<T>(names: readonly string[], make: (slots: readonly number[]) => T): T {
    const slots = names.map((name) => {
      const slot = this.#slotCount++;
      this.#slots.set(name, [...(this.#slots.get(name) ?? []), slot]);
      return slot;
    });
    const made = make(slots);
    for (const name of names) this.#slots.get(name)!.pop();
    return made;
  }

  #comprehension(node: ComprehensionNode): Step {
    const range = this.plan(node.range).run;
    const init = this.plan(node.init).run;
    return this.#bind([node.accumulator], ([accumulator]) => {
      const result = this.plan(node.result).run;
      if (node.range.kind === 'list' && node.range.items.length === 0 && node.accumulator !== ACCUMULATOR) {
        return (frame) => { frame.slots[accumulator!] = init(frame); return result(frame); };
      }
      const names = node.second === undefined ? [node.variable] : [node.variable, node.second];
      return this.#bind(names, ([first, second]) => {
        const [condition, step] = this.#steps([node.condition, node.step]) as [Step, Step];
        return (frame) => {
          const items = rangeItems(range(frame), second !== undefined);
          if (items instanceof Failure) return items;
          frame.slots[accumulator!] = init(frame);
          for (const [key, value] of items) {
            frame.slots[first!] = key;
            if (second !== undefined) frame.slots[second] = value;
            if (condition(frame) === false) break;
            frame.slots[accumulator!] = step(frame);
          }
          return result(frame);
        };
      });
    });
  }
}

function appending(node: CallNode): boolean {
  const [into, added] = node.args;
  return into?.kind === 'ident' && into.name === ACCUMULATOR && (node.name === 'cel.@mapInsert' || (node.name === '_+_' && added?.kind === 'list'));
}

function insertInto(map: Value | Failure, values: readonly Value[]): Value | Failure {
  if (!(map instanceof MapValue)) return map;
  const added = values.length === 2 ? [[values[0]!, values[1]!] as const] : isMap(values[0]!) ? mapEntries(values[0]) : NO_SUCH_OVERLOAD;
  if (added instanceof Failure) return added;
  for (const [key, value] of added) {
    if (map.find(key) !== undefined) return new Failure(`insert failed: key ${String(key)} already exists`);
    map.set(key, value);
  }
  return map;
}

function rangeItems(range: Value | Failure, two: boolean): ReadonlyArray<readonly [Value, Value]> | Failure {
  if (range instanceof Failure) return range;
  if (isMap(range)) return mapEntries(range);
  if (!isList(range)) return new Failure(`got '${typeNameOf(range)}', expected iterable type`);
  const items: Array<readonly [Value, Value]> = [];
  for (let at = 0; at < listSize(range); at++) {
    const item = listItem(range, at);
    if (item instanceof Failure) return item;
    items.push(two ? [BigInt(at), item] : [item, item]);
  }
  return items;
}

/** @param decisive the value of a side that decides alone. */
function logical([left, right]: readonly Step[], decisive: boolean): Step {
  return (frame) => {
    const a = left!(frame);
    if (a === decisive) return a;
    const b = right!(frame);
    if (b === decisive) return b;
    if (a instanceof Failure) return a;
    if (b instanceof Failure) return b;
    return typeof a === 'boolean' && typeof b === 'boolean' ? !decisive : NO_SUCH_OVERLOAD;
  };
}

function conditional([condition, yes, no]: readonly Step[]): Step {
  return (frame) => {
    const value = condition!(frame);
    if (value instanceof Failure) return value;
    return typeof value === 'boolean' ? (value ? yes! : no!)(frame) : NO_SUCH_OVERLOAD;
  };
}

function notStrictlyFalse(operand: Step): Step {
  return (frame) => {
    const value = operand(frame);
    spend(frame, 1);
    return value !== false;
  };
}

function typeOfValue(operand: Step): Step {
  return (frame) => {
    const value = operand(frame);
    if (value instanceof Failure) return value;
    spend(frame, 1);
    return new TypeValue(typeNameOf(value));
  };
}

function optionalField(value: Value, field: Value): Value | Failure {
  if (isList(value)) return optionalItem(value, field);
  if (!isMap(value)) return NO_SUCH_OVERLOAD;
  const found = value.find(field);
  return found === undefined ? NONE : found instanceof Failure ? found : new Optional(found);
}

function optionalItem(list: Value, position: Value): Value | Failure {
  const item = element(list, position);
  return item instanceof Failure ? (item.message.startsWith('index out of bounds') ? NONE : item) : new Optional(item);
}

function optionalSelect(operand: Step, field: Value): Step {
  return (frame) => {
    const value = operand(frame);
    if (value instanceof Failure) return value;
    spend(frame, 1);
    if (!(value instanceof Optional)) return optionalField(value, field);
    return value.value === undefined ? NONE : optionalField(value.value, field);
  };
}

function index([operand, position]: readonly Step[], optional: boolean): Step {
  return (frame) => {
    const value = operand!(frame);
    if (value instanceof Failure) return value;
    const at = position!(frame);
    if (at instanceof Failure) return at;
    spend(frame, 1);
    if (value instanceof Optional) return value.value === undefined ? NONE : optionalField(value.value, at);
    return optional ? optionalField(value, at) : element(value, at);
  };
}

function element(value: Value, position: Value): Value | Failure {
  if (isMap(value)) {
    const found = value.find(position);
    return found === undefined ? new Failure(`no such key: ${shown(position)}`) : found;
  }
  if (!isList(value)) return NO_SUCH_OVERLOAD;
  const at = position instanceof Uint ? position.value : position;
  if (typeof at !== 'bigint' && !(typeof at === 'number' && Number.isInteger(at))) return new Failure(`unsupported index type '${typeNameOf(position)}' in list`);
  return at < 0 || at >= listSize(value) ? new Failure(`index out of bounds: ${at}`) : listItem(value, Number(at));
}

function shown(key: Value): string {
  return key instanceof Uint ? String(key.value) : String(key);
}

function noKey(value: Value, field: string): Failure {
  void field;
  return isList(value) ? new Failure("unsupported index type 'string' in list") : NO_SUCH_OVERLOAD;
}

function optionalOr([left, right]: readonly Step[], unwrap: boolean): Step {
  return (frame) => {
    const value = left!(frame);
    if (value instanceof Failure) return value;
    spend(frame, 1);
    if (!(value instanceof Optional)) return NO_SUCH_OVERLOAD;
    if (value.value === undefined) return right!(frame);
    return unwrap ? value.value : value;
  };
}

function pick(overloads: readonly Overload[], args: readonly Value[]): Overload | undefined {
  return overloads.find((candidate) => candidate.args.length === args.length && candidate.args.every((type, at) => isOfType(args[at]!, type)));
}

/** @param certain the types are known: no need to look which overload is meant. */
function functionCall(name: string, overloads: readonly Overload[], steps: readonly Step[], certain: boolean): Step {
  const costs = new Map(overloads.map((candidate) => [candidate, costOfCall(name, candidate.id)]));
  const only = certain ? overloads[0] : undefined;
  const equality = name === '_==_' || name === '_!=_';
  return (frame) => {
    const args: Value[] = [];
    for (const step of steps) {
      const value = step(frame);
      if (value instanceof Failure) return value;
      args.push(value);
    }
    const chosen = only ?? (equality ? overloads[0] : pick(overloads, args));
    if (chosen === undefined) return NO_SUCH_OVERLOAD;
    const cost = costs.get(chosen);
    // What is known from the arguments is paid before the work is done.
    const byResult = cost !== undefined && cost.length > 1;
    if (!byResult) spend(frame, cost === undefined ? 1 : cost(args, true));
    const result = chosen.run!(args);
    if (byResult) spend(frame, cost(args, result));
    if (typeof result === 'string') write(frame, result.length);
    else if (!(result instanceof Failure) && isList(result)) write(frame, listSize(result));
    return result;
  };
}
