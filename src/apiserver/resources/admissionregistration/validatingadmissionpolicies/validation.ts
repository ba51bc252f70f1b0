/** The rules of validating admission policies. */
import type {
  AuditAnnotation, ValidatingAdmissionPolicy, ValidatingAdmissionPolicySpec, ValidatingAdmissionPolicyStatus, Validation,
} from '#api/generated/admissionregistration/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { path } from '#machinery/field-error';
import { qualifiedNameFaults } from '#machinery/names';
import { validateConditions } from '#machinery/validation/conditions';
import { checkPolicyHead, checkVariables } from '../../rules/admission-policies.ts';
import { checkExpression, policyExpressions, type PolicyExpressions } from '../../rules/expressions.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOfList } from '../../rules/internal-print.ts';
import { jsonPathFault } from '../../rules/json-path.ts';
import { checkMatchConditions, conditionExpressions } from '../../rules/match-conditions.ts';

const ANNOTATIONS_MAX = 20;
const VALUE_EXPRESSION_BYTES_MAX = 5 * 1024;
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const NOTHING_TO_DO = 'validations or auditAnnotations must contain at least one item';

interface PolicyRules {
  readonly expressions: PolicyExpressions;
  readonly params: boolean;
  /** The expressions that the stored policy has, by use. */
  readonly stored: { readonly checks: ReadonlySet<string>; readonly messages: ReadonlySet<string>; readonly values: ReadonlySet<string> };
}

export function checkPolicy(policy: ValidatingAdmissionPolicy, old: ValidatingAdmissionPolicy | undefined, faults: Faults): void {
  const spec = policy.spec ?? {};
  const before = old?.spec ?? {};
  checkPolicyHead(spec, faults);
  const params = spec.paramKind !== undefined;
  if (!old || !semanticEqual(spec.paramKind, before.paramKind) || !semanticEqual(spec.matchConditions, before.matchConditions)) {
    checkMatchConditions(spec.matchConditions, params, new Set(conditionExpressions(before.matchConditions)), 'spec.matchConditions', faults);
  }
  const validations = before.validations ?? [];
  const rules: PolicyRules = {
    expressions: policyExpressions((spec.variables ?? []).length > 0), params,
    stored: {
      checks: new Set(validations.map(({ expression }) => expression)),
      messages: new Set(validations.map(({ messageExpression }) => messageExpression ?? '')),
      values: new Set((before.auditAnnotations ?? []).map(({ valueExpression }) => valueExpression)),
    },
  };
  checkVariables(spec.variables, rules.expressions, params, rules.stored.checks, faults);
  checkOutcomes(spec, policy.metadata.name ?? '', rules, faults);
}

function checkOutcomes(spec: ValidatingAdmissionPolicySpec, policyName: string, rules: PolicyRules, faults: Faults): void {
  const annotations = spec.auditAnnotations ?? [];
  if (!spec.validations?.length && annotations.length === 0) {
    faults.required('spec.validations', NOTHING_TO_DO);
    faults.required('spec.auditAnnotations', NOTHING_TO_DO);
    return;
  }
  for (const [index, validation] of (spec.validations ?? []).entries()) checkValidation(validation, `spec.validations[${index}]`, rules, faults);
  if (annotations.length > ANNOTATIONS_MAX) {
    faults.invalid('spec.auditAnnotations', goJsonOfList('admissionregistration/v1.AuditAnnotation', annotations),
      `must not have more than ${ANNOTATIONS_MAX} auditAnnotations`);
  }
  const keys = new Set<string>();
  for (const [index, annotation] of annotations.entries()) {
    const at = `spec.auditAnnotations[${index}]`;
    checkAnnotation(annotation, policyName, at, rules, faults);
    if (keys.has(annotation.key ?? '')) faults.duplicate(`${at}.key`, annotation.key);
    keys.add(annotation.key ?? '');
  }
}

function checkValidation({ expression = '', message = '', messageExpression = '', reason }: Validation, at: string, rules: PolicyRules, faults: Faults): void {
  const { expressions, params, stored } = rules;
  if (expression.trim() === '') faults.required(`${at}.expression`, 'expression is not specified');
  else checkExpression(expressions, expression, 'bool', { params, authorizer: true, stored: stored.checks.has(expression) }, `${at}.expression`, faults);
  if (messageExpression !== '') {
    const place = `${at}.messageExpression`;
    const scope = { params, authorizer: false, stored: stored.messages.has(messageExpression) };
    if (messageExpression.trim() === '') faults.invalid(place, messageExpression, 'must be non-empty if specified');
    else checkExpression(expressions, messageExpression, 'string', scope, place, faults);
  }
  if (message !== '' && message.trim() === '') faults.invalid(`${at}.message`, message, 'must be non-empty if specified');
  else if (/[\n\r]/.test(message.trim())) faults.invalid(`${at}.message`, message, 'must not contain line breaks');
  if (reason !== undefined) faults.strictlyOneOf(`${at}.reason`, reason, REASONS);
}

function checkAnnotation({ key = '', valueExpression = '' }: AuditAnnotation, policyName: string, at: string, rules: PolicyRules, faults: Faults): void {
  if (policyName === '') faults.invalid(`${at}.key`, key, 'requires metadata.name be non-empty');
  else faults.invalidAll(`${at}.key`, `${policyName}/${key}`, qualifiedNameFaults(`${policyName}/${key}`));
  const place = `${at}.valueExpression`;
  const expression = valueExpression.trim();
  if (expression === '') return faults.required(place, 'valueExpression is not specified');
  if (Buffer.byteLength(expression) > VALUE_EXPRESSION_BYTES_MAX) return faults.required(place, `must not exceed ${VALUE_EXPRESSION_BYTES_MAX} bytes in length`);
  const fault = rules.expressions.check(expression, 'string or null',
    { params: rules.params, authorizer: true, stored: rules.stored.values.has(valueExpression) });
  if (fault !== undefined) faults.invalid(place, valueExpression, fault);
}

export function checkStatus(status: ValidatingAdmissionPolicyStatus, faults: Faults): void {
  for (const [index, { warning = '', fieldRef = '' }] of (status.typeChecking?.expressionWarnings ?? []).entries()) {
    const at = `status.typeChecking.expressionWarnings[${index}]`;
    if (warning === '') faults.required(`${at}.warning`);
    const ref = fieldRef.trim();
    const fault = ref === '' ? undefined : jsonPathFault(`{${ref}}`);
    if (ref === '') faults.required(`${at}.fieldRef`);
    else if (fault !== undefined) faults.invalid(`${at}.fieldRef`, ref, `invalid JSONPath: ${fault}`);
  }
  faults.add(validateConditions(status.conditions ?? [], path('status', 'conditions')));
}
