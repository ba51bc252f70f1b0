/** What validating and mutating admission policies, and their bindings, share. */
import type { MatchResources, ParamKind, ParamRef, Variable } from '#api/generated/admissionregistration/v1';
import { dns1035LabelFaults, dns1123SubdomainFaults, pathSegmentNameFaults } from '#machinery/names';
import { checkMatchResources, FAILURE_POLICIES } from './admission-rules.ts';
import { isExpressionIdentifier, type PolicyExpressions } from './expressions.ts';
import type { Faults } from './faults.ts';
import { checkLabelSelector } from './selectors.ts';

export interface PolicyHead {
  readonly failurePolicy?: string;
  readonly paramKind?: ParamKind;
  readonly matchConstraints?: MatchResources;
}

export function checkPolicyHead(spec: PolicyHead, faults: Faults): void {
  if (spec.failurePolicy === undefined) faults.required('spec.failurePolicy');
  else faults.strictlyOneOf('spec.failurePolicy', spec.failurePolicy, FAILURE_POLICIES);
  if (spec.paramKind) checkParamKind(spec.paramKind, 'spec.paramKind', faults);
  if (!spec.matchConstraints) return faults.required('spec.matchConstraints');
  checkMatchResources(spec.matchConstraints, 'spec.matchConstraints', faults);
  if (!spec.matchConstraints.resourceRules?.length) faults.required('spec.matchConstraints.resourceRules');
}

function checkParamKind({ apiVersion = '', kind = '' }: ParamKind, place: string, faults: Faults): void {
  checkGroupVersion(apiVersion, `${place}.apiVersion`, faults);
  if (kind === '') return faults.required(`${place}.kind`);
  const texts = dns1035LabelFaults(kind.toLowerCase());
  if (texts.length > 0) faults.invalid(`${place}.kind`, kind, `may have mixed case, but should otherwise match: ${texts.join(',')}`);
}

function checkGroupVersion(apiVersion: string, place: string, faults: Faults): void {
  if (apiVersion === '') return faults.required(place);
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/');
  if (parts.length > 2) return faults.invalid(place, apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  const version = parts.at(-1)!;
  const group = parts.length === 2 ? parts[0]! : '';
  const texts = group === '' ? [] : dns1123SubdomainFaults(group);
  if (texts.length > 0) faults.invalid(place, group, texts.join(','));
  if (version === '') return faults.invalid(place, apiVersion, 'version must be specified');
  const versionTexts = dns1035LabelFaults(version);
  if (versionTexts.length > 0) faults.invalid(place, version, versionTexts.join(','));
}

export function checkVariables(variables: readonly Variable[] | undefined, expressions: PolicyExpressions, params: boolean,
  stored: ReadonlySet<string>, faults: Faults): void {
  for (const [index, { name = '', expression = '' }] of (variables ?? []).entries()) {
    const at = `spec.variables[${index}]`;
    if (name.trim() === '') faults.required(`${at}.name`, 'name is not specified');
    else if (!isExpressionIdentifier(name)) faults.invalid(`${at}.name`, name, 'must be a valid CEL identifier');
    if (expression.trim() === '') {
      faults.required(`${at}.expression`, 'expression is not specified');
      continue;
    }
    const fault = expressions.declare(name, expression, { params, authorizer: true, stored: stored.has(expression) });
    if (fault !== undefined) faults.invalid(`${at}.expression`, expression, fault);
  }
}

export function checkBindingHead(spec: { readonly policyName?: string; readonly paramRef?: ParamRef; readonly matchResources?: MatchResources },
  faults: Faults): void {
  if (!spec.policyName) faults.required('spec.policyName');
  else faults.invalidAll('spec.policyName', spec.policyName, dns1123SubdomainFaults(spec.policyName));
  if (spec.paramRef) checkParamRef(spec.paramRef, 'spec.paramRef', faults);
  if (spec.matchResources) checkMatchResources(spec.matchResources, 'spec.matchResources', faults);
}

function checkParamRef({ name, selector, parameterNotFoundAction: action }: ParamRef, place: string, faults: Faults): void {
  const both = 'name and selector are mutually exclusive';
  if (name) {
    faults.invalidAll(`${place}.name`, name, pathSegmentNameFaults(name));
    if (selector) faults.forbidden(`${place}.name`, both);
  }
  if (selector) {
    checkLabelSelector(selector, `${place}.selector`, faults);
    if (name) faults.forbidden(`${place}.selector`, both);
  }
  if (!name && !selector) faults.required(place, 'one of name or selector must be specified');
  faults.oneOf(`${place}.parameterNotFoundAction`, action, ['Deny', 'Allow']);
}
