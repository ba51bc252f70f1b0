/** The rules of mutating admission policies. */
import type { MutatingAdmissionPolicy, Mutation } from '#api/generated/admissionregistration/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { checkPolicyHead, checkVariables } from '../../rules/admission-policies.ts';
import { checkMutatingOperations, REINVOCATION_POLICIES } from '../../rules/admission-rules.ts';
import { checkExpression, policyExpressions, type ExpressionScope, type PolicyExpressions } from '../../rules/expressions.ts';
import type { Faults } from '../../rules/faults.ts';
import { checkMatchConditions, conditionExpressions } from '../../rules/match-conditions.ts';

export function checkPolicy(policy: MutatingAdmissionPolicy, old: MutatingAdmissionPolicy | undefined, faults: Faults): void {
  const spec = policy.spec ?? {};
  const before = old?.spec ?? {};
  checkPolicyHead(spec, faults);
  if (spec.matchConstraints) checkMutatingOperations(spec.matchConstraints, 'spec.matchConstraints', faults);
  const params = spec.paramKind !== undefined;
  if (!old || !semanticEqual(spec.paramKind, before.paramKind) || !semanticEqual(spec.matchConditions, before.matchConditions)) {
    checkMatchConditions(spec.matchConditions, params, new Set(conditionExpressions(before.matchConditions)), 'spec.matchConditions', faults);
  }
  const expressions = policyExpressions(true);
  checkVariables(spec.variables, expressions, params, new Set(), faults);
  if (!spec.mutations?.length) faults.required('spec.mutations', 'mutations must contain at least one item');
  const stored = new Set((before.mutations ?? []).map((mutation) => mutation.applyConfiguration?.expression));
  for (const [index, mutation] of (spec.mutations ?? []).entries()) {
    checkMutation(mutation, `spec.mutations[${index}]`, expressions, { params, authorizer: true, patchTypes: true }, stored, faults);
  }
  faults.oneOf('spec.reinvocationPolicy', spec.reinvocationPolicy, REINVOCATION_POLICIES);
}

const PATCHES = [
  { type: 'JSONPatch', field: 'jsonPatch', result: 'json patch' },
  { type: 'ApplyConfiguration', field: 'applyConfiguration', result: 'apply configuration' },
] as const;

function checkMutation(mutation: Mutation, at: string, expressions: PolicyExpressions, scope: Omit<ExpressionScope, 'stored'>,
  stored: ReadonlySet<string | undefined>, faults: Faults): void {
  const type = mutation.patchType;
  if (!type) return faults.required(`${at}.patchType`);
  const patch = PATCHES.find((one) => one.type === type);
  if (!patch) return faults.notSupported(`${at}.patchType`, type, ['ApplyConfiguration', 'JSONPatch']);
  const own = mutation[patch.field];
  if (!own) faults.required(`${at}.${patch.field}`, `must be specified when patchType is ${type}`);
  else {
    const place = `${at}.${patch.field}.expression`;
    const expression = (own.expression ?? '').trim();
    if (expression === '') faults.required(place);
    else checkExpression(expressions, expression, patch.result, { ...scope, stored: stored.has(own.expression) }, place, faults);
  }
  const { field: other } = PATCHES.find((one) => one.type !== type)!;
  if (mutation[other]) faults.invalid(`${at}.${other}`, `{${other}}`, `must not be specified when patchType is ${type}`);
}
