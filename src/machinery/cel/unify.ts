/**
 * Which types fit where: assignability with type parameters, solved by substitution as the checker goes.
 *
 * A failed attempt leaves the substitutions as they were. `dyn` and the type of a faulty expression fit everywhere.
 */
import { DYN, sameType, type Type } from './type.ts';

type Bindings = ReadonlyMap<string, Type>;

export class Substitutions {
  #bindings: Map<string, Type> = new Map();
  #fresh = 0;

  freshParameter(): Type {
    return { kind: 'parameter', name: `_var${this.#fresh++}`, parameters: [] };
  }

  /** Whether a value of the second type may stand where the first is wanted; parameters learn from it. */
  assignable(wanted: readonly Type[], given: readonly Type[]): boolean {
    const attempt = new Map(this.#bindings);
    if (!allFit(attempt, wanted, given)) return false;
    this.#bindings = attempt;
    return true;
  }

  /** The type with what is known filled in; what is unknown becomes dyn where asked. */
  apply(type: Type, unknownIsDyn = false): Type {
    return substitute(this.#bindings, type, unknownIsDyn);
  }

  /** The same signature with parameters of its own. */
  instantiate(types: readonly Type[], names: readonly string[]): readonly Type[] {
    if (names.length === 0) return types;
    const own = new Map(names.map((name) => [name, this.freshParameter()]));
    return types.map((type) => substitute(own, type, false));
  }
}

function substitute(bindings: Bindings, type: Type, unknownIsDyn: boolean): Type {
  if (type.kind === 'parameter') {
    const bound = bindings.get(type.name);
    if (bound !== undefined) return substitute(bindings, bound, unknownIsDyn);
    return unknownIsDyn ? DYN : type;
  }
  if (type.parameters.length === 0) return type;
  return { ...type, parameters: type.parameters.map((inner) => substitute(bindings, inner, unknownIsDyn)) };
}

function allFit(bindings: Map<string, Type>, wanted: readonly Type[], given: readonly Type[]): boolean {
  return wanted.length === given.length && wanted.every((type, index) => fits(bindings, type, given[index]!));
}

const NULLABLE = new Set(['opaque', 'struct', 'any', 'duration', 'timestamp', 'null']);

function fits(bindings: Map<string, Type>, a: Type, b: Type): boolean {
  if (b.kind === 'parameter') {
    const answer = substitutionFits(bindings, a, b);
    if (answer !== 'no') return answer === 'yes';
  }
  if (a.kind === 'parameter') return substitutionFits(bindings, b, a) === 'yes';
  if (anything(a) || anything(b)) return true;
  if (a.kind === 'null') return NULLABLE.has(b.kind);
  if (b.kind === 'null') return NULLABLE.has(a.kind);
  if (a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  return a.name === b.name && allFit(bindings, a.parameters, b.parameters);
}

function anything(type: Type): boolean {
  return type.kind === 'dyn' || type.kind === 'error';
}

/** `no`: it cannot stand for it, but has no substitution yet. */
function substitutionFits(bindings: Map<string, Type>, type: Type, variable: Type): 'yes' | 'no' | 'never' {
  if (sameType(type, variable)) return 'yes';
  const bound = bindings.get(variable.name);
  if (bound === undefined) {
    if (occursIn(bindings, variable, type)) return 'no';
    bindings.set(variable.name, type);
    return 'yes';
  }
  if (sameType(type, bound)) return 'yes';
  if (!fits(bindings, type, bound)) return 'never';
  const general = mostGeneral(type, bound);
  if (!occursIn(bindings, variable, general)) bindings.set(variable.name, general);
  return 'yes';
}

function occursIn(bindings: Bindings, variable: Type, type: Type): boolean {
  if (sameType(variable, type)) return true;
  if (type.kind === 'parameter') {
    const bound = bindings.get(type.name);
    return bound !== undefined && occursIn(bindings, variable, bound);
  }
  return type.parameters.some((inner) => occursIn(bindings, variable, inner));
}

/** Of two types that unify, the one that says less. */
export function mostGeneral(a: Type, b: Type): Type {
  return saysNoMore(a, b) ? a : b;
}

function saysNoMore(a: Type, b: Type): boolean {
  if (a.kind === 'dyn' || a.kind === 'parameter') return true;
  if (b.kind === 'dyn' || b.kind === 'parameter' || a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  return a.name === b.name && a.parameters.length === b.parameters.length && a.parameters.every((inner, index) => saysNoMore(inner, b.parameters[index]!));
}
