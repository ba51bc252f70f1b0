/**
 * Validating admission policies: each that is about the write, with each of its bindings and parameters, judges it; what a judgement
 * leads to is the binding's to say (Deny, Warn, Audit).
 *
 * All are asked before the first denial is the answer, so that warnings and audit annotations of others are not lost.
 */
import {
  validatingadmissionpolicies, validatingadmissionpolicybindings, type ValidatingAdmissionPolicy, type ValidatingAdmissionPolicyBinding,
} from '#api/generated/admissionregistration/v1';
import { StatusError } from '#machinery/status-error';
import { admissionRequest, type Invocation } from '../extension/admission-request.ts';
import { isExempt } from '../extension/match-rules.ts';
import { shown } from '../extension/object-forms.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../plugin.ts';
import { refused } from '../refusal.ts';
import { namespaceFor, NamespaceMissingError, type PolicyDependencies } from './policy-namespace.ts';
import { policyHooks, type PolicyHook } from './policy-hooks.ts';
import { matchPolicyResources } from './policy-match.ts';
import { observePolicy, type Enforcement, type PolicyErrorType } from './policy-metrics.ts';
import { collectParams, paramResource } from './policy-params.ts';
import { judge, type Judged } from './validate-by-policy.ts';

type Hook = PolicyHook<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding>;
interface Denial { readonly policy: string; readonly binding: string | undefined; readonly message: string; readonly reason: string }

const ANNOTATION_BYTES_MAX = 10 * 1024;
const FAILURE_KEY = 'validation.policy.admission.k8s.io/validation_failure';
const CODES: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 };

export function validatingPolicies(dependencies: PolicyDependencies): AdmissionPlugin {
  const { informers } = dependencies;
  const hooksOf = policyHooks(informers.for(validatingadmissionpolicies), informers.for(validatingadmissionpolicybindings));
  return {
    name: 'ValidatingAdmissionPolicy',
    async validate(attributes) {
      const hooks = hooksOf();
      if (hooks.length === 0 || isExempt(attributes)) return;
      const denials: Denial[] = [];
      for (const hook of hooks) await ask(dependencies, hook, attributes, denials);
      if (denials.length > 0) throw denied(attributes, denials[0]!);
    },
  };
}

function denied(attributes: AdmissionAttributes, { policy, binding, message, reason }: Denial): StatusError {
  const text = `ValidatingAdmissionPolicy '${policy}'${binding === undefined ? '' : ` with binding '${binding}'`} denied request: ${message}`;
  const { status } = refused(attributes, text);
  const why = reason === '' ? 'Invalid' : reason;
  return new StatusError({ ...status, reason: why, code: CODES[why] ?? 422, details: { ...status.details, causes: [{ message: text }] } } as typeof status);
}

async function ask(dependencies: PolicyDependencies, { policy, bindings }: Hook, attributes: AdmissionAttributes, denials: Denial[]): Promise<void> {
  const name = policy.metadata.name!;
  const misconfigured = (error: unknown, binding?: ValidatingAdmissionPolicyBinding): void => {
    if (policy.spec?.failurePolicy === 'Ignore') return;
    const message = `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${(error as Error).message}`;
    denials.push({ policy: name, binding: binding?.metadata.name, message, reason: '' });
  };
  let invocation: Invocation | undefined;
  let resource: ReturnType<typeof paramResource> | undefined;
  try {
    invocation = await matchPolicyResources(dependencies, policy.spec?.matchConstraints ?? {}, attributes);
    if (invocation === undefined) return;
    resource = policy.spec?.paramKind === undefined ? undefined : paramResource(dependencies.table, policy.spec.paramKind);
  } catch (error) {
    misconfigured(error);
    return;
  }
  const published = new Map<string, string[]>();
  for (const binding of bindings) {
    let judgements: readonly Judged[];
    const startMs = dependencies.clock.monotonicNow();
    try {
      const { matchResources: wanted, paramRef } = binding.spec;
      if (wanted !== undefined && await matchPolicyResources(dependencies, wanted, attributes) === undefined) continue;
      const params = await collectParams(resource, paramRef, attributes.namespace, attributes.signal);
      judgements = await judgeAll(dependencies, policy, invocation, attributes, params);
    } catch (error) {
      if (error instanceof NamespaceMissingError) throw error.status;
      misconfigured(error, binding);
      continue;
    }
    const seconds = (dependencies.clock.monotonicNow() - startMs) / 1000;
    for (const judged of judgements) enforce(dependencies, { policy: name, binding, judged, attributes, seconds }, denials, published);
  }
  for (const [key, values] of published) attributes.annotate(`${name}/${key}`, values.join(', '));
}

async function judgeAll(dependencies: PolicyDependencies, policy: ValidatingAdmissionPolicy, invocation: Invocation, attributes: AdmissionAttributes, params: readonly unknown[]): Promise<Judged[]> {
  if (params.length === 0) return [];
  const { table, authorizer, metrics } = dependencies;
  const { object, oldObject } = attributes;
  let objects;
  try {
    objects = {
      object: object === undefined ? null : await shown(table, attributes, object, invocation.kind),
      oldObject: oldObject === undefined ? null : await shown(table, attributes, oldObject, invocation.kind),
    };
  } catch (error) {
    throw new Error(`failed to convert object version: ${(error as Error).message}`, { cause: error });
  }
  const namespaceObject = await namespaceFor(dependencies, attributes);
  const request = admissionRequest(attributes, invocation);
  const results: Judged[] = [];
  for (const param of params) {
    results.push(await judge(policy, { attributes, ...objects, request, namespaceObject, params: param, authorizer }, () => { metrics.conditionError(policy.metadata.name!, 'policy', 'validating', attributes.operation); }));
  }
  return results;
}

interface Enforced { readonly policy: string; readonly binding: ValidatingAdmissionPolicyBinding; readonly judged: Judged; readonly attributes: AdmissionAttributes; readonly seconds: number }

function enforce({ registry }: PolicyDependencies, { policy, binding, judged, attributes, seconds }: Enforced, denials: Denial[], published: Map<string, string[]>): void {
  const name = binding.metadata.name!;
  const actions = binding.spec.validationActions ?? [];
  const observe = (action: Enforcement, error: PolicyErrorType): void => { observePolicy(registry, 'validating', { policy, binding: name, error, action, seconds }); };
  for (const [expressionIndex, { denied: isDenied, message, reason, error }] of judged.decisions.entries()) {
    if (!isDenied) {
      if (error !== 'no_error') observe('allow', error);
      continue;
    }
    for (const action of actions) {
      if (action === 'Deny') {
        denials.push({ policy, binding: name, message, reason });
        observe('deny', error);
      } else if (action === 'Audit') {
        attributes.annotate(FAILURE_KEY, JSON.stringify([{ message, policy: binding.spec.policyName, binding: name, expressionIndex, validationActions: actions }]));
        observe('audit', error);
      } else if (action === 'Warn') {
        attributes.warn(`Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${name}': ${message}`);
        observe('warn', error);
      }
    }
  }
  for (const { key, value, error } of judged.annotations) {
    if (error !== undefined) {
      denials.push({ policy, binding: name, message: error, reason: '' });
      observe('deny', 'invalid_error');
      continue;
    }
    const values = published.get(key) ?? [];
    published.set(key, values);
    const text = value!.slice(0, ANNOTATION_BYTES_MAX);
    if (!values.includes(text)) values.push(text);
  }
}
