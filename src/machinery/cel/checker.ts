/**
 * Gives every part of an expression its type, finds the overloads its calls may mean, and reports what fits nowhere.
 *
 * Names resolve innermost first: a comprehension's variables, then the environment's, then types. A dotted chain may be one name.
 */
import { qualifiedName, walk, type CallNode, type ComprehensionNode, type ListNode, type MapNode, type Node, type SelectNode, type StructNode } from './ast.ts';
import type { Environment } from './environment.ts';
import type { IssueList } from './source-error.ts';
import { BOOL, DYN, ERROR, formatType, INT, listOf, mapOf, NULL, optionalOf, sameType, STRING, BYTES, UINT, DOUBLE, typeOf, unwrapOptional, type Type } from './type.ts';
import { mostGeneral, Substitutions } from './unify.ts';
import { typeNameOf } from './value.ts';

export function checkExpression(root: Node, environment: Environment, issues: IssueList): Type {
  const checker = new Checker(environment, issues);
  checker.check(root);
  walk(root, (node) => { node.type = checker.substitutions.apply(node.type ?? ERROR, true); });
  return root.type!;
}

const LITERAL_TYPES: Readonly<Record<string, Type>> = { int: INT, uint: UINT, double: DOUBLE, string: STRING, bytes: BYTES, bool: BOOL, null_type: NULL };

class Checker {
  readonly #environment: Environment;
  readonly #issues: IssueList;
  readonly #scopes: Array<Map<string, Type>> = [];
  readonly substitutions = new Substitutions();

  constructor(environment: Environment, issues: IssueList) {
    this.#environment = environment;
    this.#issues = issues;
  }

  check(node: Node): Type {
    node.type = this.#typeOf(node);
    return node.type;
  }

  #typeOf(node: Node): Type {
    switch (node.kind) {
      case 'literal': return LITERAL_TYPES[typeNameOf(node.value)]!;
      case 'ident': return this.#ident(node.name) ?? this.#undeclared(node.at, node.name);
      case 'select': return this.#select(node);
      case 'call': return this.#call(node);
      case 'list': return this.#list(node);
      case 'map': return this.#map(node);
      case 'struct': return this.#struct(node);
      case 'comprehension': return this.#comprehension(node);
    }
  }

  #undeclared(at: number, name: string): Type {
    this.#issues.add(at, `undeclared reference to '${name}' (in container '')`);
    return ERROR;
  }

  #ident(written: string): Type | undefined {
    const name = written.startsWith('.') ? written.slice(1) : written;
    for (let depth = this.#scopes.length - 1; depth >= 0; depth--) {
      const local = this.#scopes[depth]!.get(name);
      if (local !== undefined) return local;
    }
    const variable = this.#environment.variables.get(name);
    if (variable !== undefined) return variable;
    const named = this.#environment.typeNames.get(name);
    return named && typeOf(named);
  }

  #select(node: SelectNode): Type {
    const whole = node.testOnly ? undefined : qualifiedName(node);
    const known = whole === undefined ? undefined : this.#ident(whole);
    if (known !== undefined) {
      node.qualified = whole!;
      return known;
    }
    const field = this.#field(node.at, node.operand, node.field, false);
    return node.testOnly ? BOOL : this.substitutions.apply(field);
  }

  #field(at: number, operand: Node, field: string, optional: boolean): Type {
    const given = this.substitutions.apply(this.check(operand));
    const inner = unwrapOptional(given);
    const target = inner ?? given;
    let result: Type = ERROR;
    if (target.kind === 'map') result = target.parameters[1]!;
    else if (target.kind === 'struct') result = this.#structField(at, target.name, field);
    else {
      if (target.kind === 'parameter') this.substitutions.assignable([DYN], [target]);
      else if (target.kind !== 'dyn' && target.kind !== 'error') this.#issues.add(at, `type '${formatType(target)}' does not support field selection`);
      result = DYN;
    }
    return inner !== undefined || optional ? optionalOf(result) : result;
  }

  #structField(at: number, name: string, field: string): Type {
    const fields = this.#environment.structs.get(name);
    const found = fields?.get(field);
    if (fields === undefined) this.#issues.add(at, `unexpected failed resolution of '${name}'`);
    else if (found === undefined) this.#issues.add(at, `undefined field '${field}'`);
    return found ?? ERROR;
  }

  #call(node: CallNode): Type {
    if (node.name === '_?._') {
      const [operand, field] = node.args as [Node, Node & { value: string }];
      this.check(field);
      node.overloads = ['select_optional_field'];
      return this.substitutions.apply(this.#field(node.at, operand, field.value, true));
    }
    for (const argument of node.args) this.check(argument);
    if (node.target === undefined) {
      if (node.name.startsWith('.')) node.name = node.name.slice(1);
      return this.#environment.functions.has(node.name) ? this.#resolve(node) : this.#undeclared(node.at, node.name);
    }
    const prefix = qualifiedName(node.target);
    if (prefix !== undefined && this.#environment.functions.has(`${prefix}.${node.name}`)) {
      node.name = `${prefix}.${node.name}`;
      node.target = undefined;
      return this.#resolve(node);
    }
    this.check(node.target);
    return this.#environment.functions.has(node.name) ? this.#resolve(node) : this.#undeclared(node.at, node.name);
  }

  #resolve(node: CallNode): Type {
    const given = [...(node.target === undefined ? [] : [node.target]), ...node.args].map((argument) => argument.type!);
    if (node.name === '_&&_' || node.name === '_||_') return this.#logical(node, given);
    const found: string[] = [];
    let result: Type | undefined;
    for (const candidate of this.#environment.functions.get(node.name)!) {
      if (candidate.member !== (node.target !== undefined)) continue;
      const [own, ...wanted] = this.substitutions.instantiate([candidate.result, ...candidate.args], candidate.parameters);
      if (!this.substitutions.assignable(given, wanted)) continue;
      found.push(candidate.id);
      const answer = this.substitutions.apply(own!);
      if (result === undefined) result = answer;
      else if (result.kind !== 'dyn' && !sameType(answer, result)) result = DYN;
    }
    node.overloads = found;
    if (result !== undefined) return result;
    const shown = given.map((type) => formatType(this.substitutions.apply(type, true)));
    const signature = node.target === undefined ? `(${shown.join(', ')})` : `${shown[0]}.(${shown.slice(1).join(', ')})`;
    this.#issues.add(node.at, `found no matching overload for '${node.name}' applied to '${signature}'`);
    return ERROR;
  }

  #logical(node: CallNode, given: readonly Type[]): Type {
    node.overloads = [node.name === '_&&_' ? 'logical_and' : 'logical_or'];
    let fitting = true;
    given.forEach((type, index) => {
      if (this.substitutions.assignable([type], [BOOL])) return;
      this.#mismatch(node.args[index]!.at, BOOL, type);
      fitting = false;
    });
    return fitting ? BOOL : ERROR;
  }

  #mismatch(at: number, expected: Type, actual: Type): void {
    this.#issues.add(at, `expected type '${formatType(expected)}' but found '${formatType(actual)}'`);
  }

  #list(node: ListNode): Type {
    let joined: Type | undefined;
    node.items.forEach((item, index) => {
      let type = this.check(item);
      if (node.optional.has(index)) type = this.#insideOptional(item, type);
      joined = this.#join(joined, type);
    });
    return listOf(joined ?? this.substitutions.freshParameter());
  }

  #map(node: MapNode): Type {
    let keys: Type | undefined;
    let values: Type | undefined;
    for (const { key, value, optional } of node.entries) {
      keys = this.#join(keys, this.check(key));
      const type = this.check(value);
      values = this.#join(values, optional ? this.#insideOptional(value, type) : type);
    }
    return mapOf(keys ?? this.substitutions.freshParameter(), values ?? this.substitutions.freshParameter());
  }

  #insideOptional(node: Node, type: Type): Type {
    const inner = unwrapOptional(type);
    if (inner === undefined && type.kind !== 'dyn') this.#mismatch(node.at, optionalOf(type), type);
    return inner ?? type;
  }

  /** Mixed elements make dyn; a validator judges them later. */
  #join(previous: Type | undefined, current: Type): Type {
    if (previous === undefined) return current;
    return this.substitutions.assignable([previous], [current]) ? mostGeneral(previous, current) : DYN;
  }

  #struct(node: StructNode): Type {
    const name = node.name.startsWith('.') ? node.name.slice(1) : node.name;
    const named = this.#environment.typeNames.get(name) ?? this.#environment.wrappers.get(name);
    let result: Type = ERROR;
    if (named === undefined) this.#undeclared(node.at, node.name);
    else if (this.#environment.wrappers.has(name) || named.kind === 'struct') result = named;
    else this.#issues.add(node.at, `'${formatType(named)}' is not a message type`);
    for (const entry of node.entries) {
      const given = this.check(entry.value);
      if (result === ERROR) continue;
      const field = this.#environment.wrappers.has(name) ? (entry.name === 'value' ? result : this.#unknownField(entry.at, entry.name)) : this.#structField(entry.at, result.name, entry.name);
      const type = entry.optional ? this.#insideOptional(entry.value, given) : given;
      if (!this.substitutions.assignable([field], [type])) {
        this.#issues.add(entry.at, `expected type of field '${entry.name}' is '${formatType(field)}' but provided type is '${formatType(type)}'`);
      }
    }
    return result;
  }

  #unknownField(at: number, name: string): Type {
    this.#issues.add(at, `undefined field '${name}'`);
    return ERROR;
  }

  #comprehension(node: ComprehensionNode): Type {
    const range = this.substitutions.apply((this.check(node.range), this.check(node.init), node.range.type!));
    const accumulated = node.init.type!;
    const [first, second] = this.#variables(node, range);
    this.#scopes.push(new Map([[node.accumulator, accumulated]]));
    this.#scopes.push(new Map([[node.variable, first], ...(node.second === undefined ? [] : [[node.second, second] as const])]));
    this.#expect(node.condition, BOOL);
    this.#expect(node.step, accumulated);
    this.#scopes.pop();
    const result = this.check(node.result);
    this.#scopes.pop();
    return this.substitutions.apply(result);
  }

  #expect(node: Node, type: Type): void {
    const given = this.check(node);
    if (!this.substitutions.assignable([type], [given])) this.#mismatch(node.at, type, given);
  }

  #variables(node: ComprehensionNode, range: Type): readonly [Type, Type] {
    const two = node.second !== undefined;
    switch (range.kind) {
      case 'list': return two ? [INT, range.parameters[0]!] : [range.parameters[0]!, DYN];
      case 'map': return [range.parameters[0]!, range.parameters[1]!];
      case 'dyn': case 'error': case 'parameter':
        this.substitutions.assignable([DYN], [range]);
        return [DYN, DYN];
      default:
        this.#issues.add(node.range.at, `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`);
        return [ERROR, ERROR];
    }
  }
}
