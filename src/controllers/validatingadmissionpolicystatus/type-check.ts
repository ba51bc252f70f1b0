/**
 * Checks a policy's expressions against the types of what it matches: warnings only, the policy works as it is.
 *
 *     rules → group, version, resource (no wildcards) → kinds → each expression, once for each kind → warnings
 *
 * Pure; texts as upstream's.
 */
import type { ExpressionWarning, RuleWithOperations, ValidatingAdmissionPolicy, Variable } from '#api/generated/admissionregistration/v1';
import { compileExpression } from '#machinery/cel/compile';
import type { DeclaredType } from '#machinery/cel/declared-type';
import type { Environment } from '#machinery/cel/environment';
import { DYN, type Type } from '#machinery/cel/type';
import { parseGroupVersion, type GroupVersionKind } from '#machinery/gvk';
import { admissionEnvironment } from '#semantics/admission-expressions';

export interface TypeSource {
  /** The kinds of a resource in that version. */
  kindsOf(group: string, version: string, resource: string): readonly GroupVersionKind[];
  /** Undefined where it is not known. */
  typeOf(kind: GroupVersionKind): DeclaredType | undefined;
}

/** Kinds of one rule that are looked at. */
const KINDS_MAX = 10;

export function typeWarnings(policy: ValidatingAdmissionPolicy, source: TypeSource): ExpressionWarning[] {
  const { validations = [], variables = [], paramKind } = policy.spec ?? {};
  const paramGroupVersion = parseGroupVersion(paramKind?.apiVersion ?? '');
  const params = paramKind === undefined || paramGroupVersion === undefined ? undefined : source.typeOf({ ...paramGroupVersion, kind: paramKind.kind ?? '' });
  const checks = kindsToCheck(policy, source).flatMap((kind) => {
    const object = source.typeOf(kind);
    return object === undefined ? [] : [{ kind, environment: environmentOf(variables, { object, params }, paramKind !== undefined) }];
  });
  const warnings: ExpressionWarning[] = [];
  const check = (fieldRef: string, expression: string): void => {
    const texts = checks.flatMap(({ kind, environment }) => {
      const { issues } = compileExpression(expression, environment);
      return issues === undefined ? [] : [`${kindText(kind)}: ${issues}\n`];
    });
    if (texts.length > 0) warnings.push({ fieldRef, warning: texts.join('\n') });
  };
  for (const [index, { expression, messageExpression }] of validations.entries()) {
    check(`spec.validations[${index}].expression`, expression);
    if (messageExpression) check(`spec.validations[${index}].messageExpression`, messageExpression);
  }
  return warnings;
}

function kindText({ group, version, kind }: GroupVersionKind): string { return `${group}/${version}, Kind=${kind}`; }

function environmentOf(variables: readonly Variable[], known: { readonly object: DeclaredType; readonly params: DeclaredType | undefined }, params: boolean): Environment {
  const types = new Map<string, Type>();
  const environment = (): Environment => admissionEnvironment({ params, authorizer: true }, new Map(types), known);
  for (const { name, expression } of variables) {
    const compilation = compileExpression(expression, environment());
    types.set(name, compilation.issues === undefined ? compilation.type : DYN);
  }
  return environment();
}

/** Wildcards match too much to be checked. */
function kindsToCheck({ spec }: ValidatingAdmissionPolicy, source: TypeSource): GroupVersionKind[] {
  const kinds = new Map<string, GroupVersionKind>();
  for (const rule of spec?.matchConstraints?.resourceRules ?? []) {
    let count = 0;
    for (const [group, version, resource] of resourcesOf(rule)) {
      for (const kind of source.kindsOf(group, version, resource)) {
        kinds.set(kindText(kind), kind);
        if (++count === KINDS_MAX) return sorted(kinds);
      }
    }
  }
  return sorted(kinds);
}

function resourcesOf({ apiGroups = [], apiVersions = [], resources = [] }: RuleWithOperations): [string, string, string][] {
  const isOpen = (text: string): boolean => text.includes('*');
  if (apiGroups.some(isOpen) || apiVersions.some(isOpen)) return [];
  const named = resources.filter((text) => !isOpen(text) && !text.includes('/'));
  const ordered = (texts: readonly string[]): string[] => [...texts].sort();
  return ordered(apiGroups).flatMap((group) => ordered(apiVersions).flatMap((version) => ordered(named).map((resource): [string, string, string] => [group, version, resource])));
}

function sorted(kinds: ReadonlyMap<string, GroupVersionKind>): GroupVersionKind[] {
  const order = ({ group, version, kind }: GroupVersionKind): string => `${group}\0${version}\0${kind}`;
  return [...kinds.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}
