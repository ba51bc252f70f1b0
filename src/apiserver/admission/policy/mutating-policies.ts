/**
 * Mutating admission policies: each that is about the write, with each of its bindings and parameters, changes it; those that come
 * later see it changed.
 *
 *     first round   everything that matches
 *     second round  when something was changed: those with `reinvocationPolicy: IfNeeded`
 */
import {
  mutatingadmissionpolicies, mutatingadmissionpolicybindings, type MutatingAdmissionPolicy, type MutatingAdmissionPolicyBinding, type Mutation,
} from '#api/generated/admissionregistration/v1';
import { resolveType, typeForKind } from '#api/registry';
import { encodeSorted } from '#machinery/codec/json-encode';
import { formatGroupVersion, type GroupVersionKind } from '#machinery/gvk';
import { mergeTypeOf, type MergeType } from '#machinery/managed-fields/merge-type';
import { jsonEqual, type JsonObject } from '#machinery/patch/json-value';
import { newInternalError, newServiceUnavailable, StatusError } from '#machinery/status-error';
import { admissionRequest, type Invocation } from '../extension/admission-request.ts';
import { Evaluation, OutOfBudgetError, type CompiledExpression, type CompiledVariable, type EvaluationInput } from '../extension/evaluation.ts';
import { matchConditions, type CompiledCondition } from '../extension/match-conditions.ts';
import { isExempt } from '../extension/match-rules.ts';
import { accepted, canonical, replaceContent, shown } from '../extension/object-forms.ts';
import type { AdmissionAttributes, AdmissionPlugin, Rounds } from '../plugin.ts';
import { refused } from '../refusal.ts';
import { policyCompiler } from './compiled-policy.ts';
import { policyHooks, type PolicyHook } from './policy-hooks.ts';
import { matchPolicyResources } from './policy-match.ts';
import { observePolicy } from './policy-metrics.ts';
import { collectParams, paramResource } from './policy-params.ts';
import { applyConfigurationValue, applyJsonPatchValue } from './policy-patches.ts';
import { POLICY_COST_MAX } from './validate-by-policy.ts';
import { namespaceFor, NamespaceMissingError, type PolicyDependencies } from './policy-namespace.ts';

const NAME = 'MutatingAdmissionPolicy';

type Hook = PolicyHook<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding>;

interface PolicyFault { readonly policy: string; readonly binding: string | undefined; readonly message: string; readonly reason: string }

/** Of one write, through its rounds. */
interface Memory { readonly willing: Set<string>; readonly again: Set<string>; last: string }

interface Compiled { readonly variables: readonly CompiledVariable[]; readonly conditions: readonly CompiledCondition[]; readonly mutations: readonly CompiledExpression[] }

interface Called { readonly policy: MutatingAdmissionPolicy; readonly binding: MutatingAdmissionPolicyBinding; readonly invocation: Invocation; readonly param: JsonObject | null }

const compiled = new WeakMap<MutatingAdmissionPolicy, Compiled>();

export function mutatingPolicies(dependencies: PolicyDependencies): AdmissionPlugin {
  const { informers } = dependencies;
  const hooksOf = policyHooks(informers.for(mutatingadmissionpolicies), informers.for(mutatingadmissionpolicybindings));
  return {
    name: NAME,
    async admit(attributes, rounds) {
      const hooks = hooksOf();
      if (hooks.length === 0 || isExempt(attributes)) return;
      const faults: PolicyFault[] = [];
      const calls: Called[] = [];
      for (const hook of hooks) calls.push(...await callsOf(dependencies, hook, attributes, faults));
      if (calls.length > 0) await mutateAll(dependencies, calls, attributes, rounds, faults);
      if (faults.length > 0) throw refusal(attributes, faults);
    },
  };
}

function refusal(attributes: AdmissionAttributes, faults: readonly PolicyFault[]): StatusError {
  const messages = faults.map(({ policy, binding, message }) => (binding === undefined ? `policy ${JSON.stringify(policy)} denied request: ${message}` : `policy '${policy}' with binding '${binding}' denied request: ${message}`));
  const { status } = refused(attributes, '');
  return new StatusError({
    ...status, message: messages[0], ...(faults[0]!.reason === '' ? {} : { reason: faults[0]!.reason }), details: { ...status.details, causes: messages.map((message) => ({ message })) },
  } as typeof status);
}

async function callsOf(dependencies: PolicyDependencies, { policy, bindings }: Hook, attributes: AdmissionAttributes, faults: PolicyFault[]): Promise<Called[]> {
  const { paramKind, matchConstraints = {} } = policy.spec ?? {};
  const misconfigured = (error: unknown, binding?: string): void => { add(faults, policy, binding, `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${(error as Error).message}`, ''); };
  const calls: Called[] = [];
  try {
    const invocation = await matchPolicyResources(dependencies, matchConstraints, attributes);
    if (invocation === undefined) return [];
    const resource = paramKind === undefined ? undefined : paramResource(dependencies.table, paramKind);
    for (const binding of bindings) {
      try {
        const { matchResources: wanted, paramRef } = binding.spec!;
        if (wanted !== undefined && await matchPolicyResources(dependencies, wanted, attributes) === undefined) continue;
        for (const param of await collectParams(resource, paramRef, attributes.namespace, attributes.signal)) calls.push({ policy, binding, invocation, param });
      } catch (error) {
        misconfigured(error, binding.metadata.name!);
      }
    }
  } catch (error) {
    misconfigured(error);
  }
  return calls;
}

function add(faults: PolicyFault[], policy: MutatingAdmissionPolicy, binding: string | undefined, message: string, reason: string): void {
  if (policy.spec?.failurePolicy !== 'Ignore') faults.push({ policy: policy.metadata.name!, binding, message, reason });
}

async function mutateAll(dependencies: PolicyDependencies, calls: readonly Called[], attributes: AdmissionAttributes, rounds: Rounds, faults: PolicyFault[]): Promise<void> {
  const memory = (rounds.memory.get(NAME) ?? { willing: new Set(), again: new Set(), last: '' }) as Memory;
  rounds.memory.set(NAME, memory);
  const askAgain = (): void => {
    for (const key of memory.willing) memory.again.add(key);
    memory.willing.clear();
  };
  const fingerprint = (): string => (attributes.object === undefined ? '' : encodeSorted(canonical(attributes.object)));
  if (rounds.again && memory.last !== fingerprint()) askAgain();
  let namespaceObject: unknown;
  try {
    namespaceObject = await namespaceFor(dependencies, attributes);
  } catch (error) {
    throw error instanceof NamespaceMissingError ? error.status : error;
  }
  let isDirty = false;
  for (const call of calls) {
    const key = JSON.stringify([call.policy.metadata.name, call.binding.metadata.name, call.param?.['metadata'] === undefined ? null : [(call.param['metadata'] as JsonObject)['namespace'], (call.param['metadata'] as JsonObject)['name']]]);
    const isSkipped = (): boolean => rounds.again && !memory.again.has(key);
    const outcome = await mutate(dependencies, call, attributes, namespaceObject, isSkipped, faults);
    if (outcome === 'skipped') continue;
    isDirty ||= attributes.object !== undefined;
    if (outcome === 'changed') {
      askAgain();
      rounds.runAgain();
    }
    if (call.policy.spec?.reinvocationPolicy === 'IfNeeded') memory.willing.add(key);
  }
  if (isDirty) {
    askAgain();
    rounds.runAgain();
  }
  memory.last = fingerprint();
}

function compile(policy: MutatingAdmissionPolicy): Compiled {
  let result = compiled.get(policy);
  if (result === undefined) {
    const { paramKind, variables = [], matchConditions: conditions = [], mutations = [] } = policy.spec ?? {};
    const compiler = policyCompiler(variables, paramKind !== undefined);
    result = {
      variables: compiler.variables, conditions: conditions.map(({ name, expression }) => ({ name, ...compiler.compile(expression) })),
      mutations: mutations.map((mutation) => compiler.compile(expressionOf(mutation), { patchTypes: true })),
    };
    compiled.set(policy, result);
  }
  return result;
}

function expressionOf({ patchType, applyConfiguration, jsonPatch }: Mutation): string {
  return (patchType === 'JSONPatch' ? jsonPatch?.expression : applyConfiguration?.expression) ?? '';
}

/** @throws StatusError */
async function mutate(dependencies: PolicyDependencies, call: Called, attributes: AdmissionAttributes, namespaceObject: unknown, isSkipped: () => boolean, faults: PolicyFault[]): Promise<'skipped' | 'same' | 'changed'> {
  const { table, authorizer, registry, metrics, clock } = dependencies;
  const { policy, binding, invocation, param } = call;
  const { variables, conditions, mutations } = compile(policy);
  const fault = (message: string): void => { add(faults, policy, binding.metadata.name!, message, 'Invalid'); };
  const input = async (): Promise<Omit<EvaluationInput, 'costMax'>> => ({
    attributes, object: await shownOrNull(dependencies, attributes, 'object', invocation.kind), oldObject: await shownOrNull(dependencies, attributes, 'oldObject', invocation.kind),
    request: admissionRequest(attributes, invocation), params: param, authorizer, variables,
  });
  if (conditions.length > 0) {
    const matched = await matchConditions(conditions, await input(), policy.spec?.failurePolicy, () => { metrics.conditionError(policy.metadata.name!, 'policy', 'admit', attributes.operation); });
    if ('error' in matched) { fault(matched.error); return 'skipped'; }
    if (!matched.matches) return 'skipped';
  }
  if (isSkipped()) return 'skipped';
  if (attributes.object === undefined) return 'same';
  const before = await shown(table, attributes, attributes.object, invocation.kind);
  for (const [index, mutation] of mutations.entries()) {
    const startMs = clock.monotonicNow();
    let error: 'no_error' | 'invalid_error' | 'out_of_budget' = 'no_error';
    try {
      await mutateOnce(dependencies, { mutation: policy.spec!.mutations![index]!, expression: mutation }, attributes, invocation, { ...await input(), namespaceObject });
    } catch (failure) {
      error = failure instanceof OutOfBudgetError ? 'out_of_budget' : 'invalid_error';
      if (failure instanceof StatusError) throw failure;
      fault((failure as Error).message);
    } finally {
      observePolicy(registry, 'mutating', { policy: policy.metadata.name!, binding: binding.metadata.name!, error, action: error === 'no_error' ? 'allow' : 'deny', seconds: (clock.monotonicNow() - startMs) / 1000 });
    }
  }
  return jsonEqual(before, await shown(table, attributes, attributes.object, invocation.kind)) ? 'same' : 'changed';
}

async function shownOrNull({ table }: PolicyDependencies, attributes: AdmissionAttributes, which: 'object' | 'oldObject', kind: GroupVersionKind): Promise<JsonObject | null> {
  const object = attributes[which];
  try {
    return object === undefined ? null : await shown(table, attributes, object, kind);
  } catch (error) {
    throw newInternalError(error);
  }
}

async function mutateOnce({ table }: PolicyDependencies, { mutation, expression }: { mutation: Mutation; expression: CompiledExpression }, attributes: AdmissionAttributes, { kind }: Invocation, input: Omit<EvaluationInput, 'costMax'>): Promise<void> {
  const type = mergeTypeFor(table, attributes, kind);
  if (type === undefined) {
    throw newServiceUnavailable(`Resource kind ${formatGroupVersion(kind.group, kind.version)}, Kind=${kind.kind} not found. There can be a delay between when CustomResourceDefinitions are created and when they are available.`);
  }
  const outcome = await new Evaluation({ ...input, costMax: POLICY_COST_MAX }).evaluate(expression);
  if (outcome.error !== undefined) throw new Error(outcome.error);
  const object = input.object!;
  const patched = mutation.patchType === 'JSONPatch' ? applyJsonPatchValue(object, outcome.value) : applyConfigurationValue(object, outcome.value, type);
  if (patched === object) return;
  const taken = await accepted(table, attributes, patched, kind);
  replaceContent(attributes.object!, taken.object);
}

const types = new Map<string, MergeType>();

function mergeTypeFor(table: PolicyDependencies['table'], { info }: AdmissionAttributes, kind: GroupVersionKind): MergeType | undefined {
  const apiVersion = formatGroupVersion(kind.group, kind.version);
  const builtIn = typeForKind(apiVersion, kind.kind);
  if (builtIn === undefined) return table.find(kind.group, kind.version, info.resource)?.served?.mergeType?.(apiVersion);
  let type = types.get(builtIn.name);
  if (type === undefined) types.set(builtIn.name, type = mergeTypeOf(builtIn.name, resolveType));
  return type;
}
