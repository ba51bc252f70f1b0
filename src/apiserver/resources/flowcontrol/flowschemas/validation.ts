/** The rules of flow schemas: which requests of whom belong to which priority level. */
import type { FlowSchema, FlowSchemaSpec, NonResourcePolicyRule, PolicyRulesWithSubjects, ResourcePolicyRule, Subject } from '#api/generated/flowcontrol/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import type { Faults } from '../../rules/faults.ts';
import { checkFlowConditions } from '../../rules/flow-conditions.ts';
import { goJsonOf, goJsonOfPointer } from '../../rules/internal-print.ts';
import { MANDATORY_FLOW_SCHEMAS } from './mandatory.ts';

const PRECEDENCE_MAX = 10_000;
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

export function checkFlowSchema(schema: FlowSchema, faults: Faults): void {
  const name = schema.metadata.name ?? '';
  checkSpec(schema.spec ?? {} as FlowSchemaSpec, name, faults);
  const fixed = MANDATORY_FLOW_SCHEMAS.get(name);
  if (fixed && !semanticEqual(schema.spec, fixed)) {
    faults.invalid('spec', goJsonOf('flowcontrol/v1.FlowSchemaSpec', schema.spec), `spec of '${name}' must equal the fixed value`);
  }
  checkFlowConditions(schema.status?.conditions, faults);
}

function checkSpec(spec: FlowSchemaSpec, name: string, faults: Faults): void {
  const precedence = spec.matchingPrecedence ?? 0;
  const at = 'spec.matchingPrecedence';
  if (precedence <= 0) faults.invalid(at, precedence, 'must be a positive value');
  if (precedence > PRECEDENCE_MAX) faults.invalid(at, precedence, `must not be greater than ${PRECEDENCE_MAX}`);
  if (precedence === 1 && name !== 'exempt') faults.invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
  const method = spec.distinguisherMethod;
  if (method && method.type !== 'ByNamespace' && method.type !== 'ByUser') {
    faults.notSupported('spec.distinguisherMethod.type', goJsonOfPointer('flowcontrol/v1.FlowDistinguisherMethod', method), ['ByNamespace', 'ByUser']);
  }
  const level = spec.priorityLevelConfiguration?.name;
  if (!level) faults.required('spec.priorityLevelConfiguration.name', 'must reference a priority level');
  else faults.invalidAll('spec.priorityLevelConfiguration.name', level, dns1123SubdomainFaults(level));
  for (const [index, rule] of (spec.rules ?? []).entries()) checkRule(rule, `spec.rules[${index}]`, faults);
}

function checkRule(rule: PolicyRulesWithSubjects, at: string, faults: Faults): void {
  if (!rule.subjects?.length) faults.required(`${at}.subjects`, 'subjects must contain at least one value');
  for (const [index, subject] of (rule.subjects ?? []).entries()) checkSubject(subject, `${at}.subjects[${index}]`, faults);
  if (!rule.resourceRules?.length && !rule.nonResourceRules?.length) {
    faults.required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty');
  }
  for (const [index, one] of (rule.resourceRules ?? []).entries()) checkResourceRule(one, `${at}.resourceRules[${index}]`, faults);
  for (const [index, one] of (rule.nonResourceRules ?? []).entries()) checkNonResourceRule(one, `${at}.nonResourceRules[${index}]`, faults);
}

const SUBJECT_FIELDS = [['ServiceAccount', 'serviceAccount'], ['User', 'user'], ['Group', 'group']] as const;

function checkSubject(subject: Subject, at: string, faults: Faults): void {
  const own = SUBJECT_FIELDS.find(([kind]) => kind === subject.kind);
  if (!own) return faults.notSupported(`${at}.kind`, subject.kind, ['Group', 'ServiceAccount', 'User']);
  const [kind, field] = own;
  if (!subject[field]) faults.required(`${at}.${field}`, `${field} is required when subject kind is '${kind}'`);
  else if (!subject[field].name) faults.required(`${at}.${field}.name`);
  if (field === 'serviceAccount' && subject.serviceAccount) {
    const { name, namespace } = subject.serviceAccount;
    if (name && name !== '*') faults.invalidAll(`${at}.serviceAccount.name`, name, dns1123SubdomainFaults(name));
    if (namespace) faults.invalidAll(`${at}.serviceAccount.namespace`, namespace, dns1123LabelFaults(namespace));
    else faults.required(`${at}.serviceAccount.namespace`, 'must specify namespace for service account');
  }
  for (const [other, otherField] of SUBJECT_FIELDS) {
    if (otherField !== field && subject[otherField]) {
      faults.forbidden(`${at}.${otherField}`, `${otherField} is forbidden when subject kind is not '${other}'`);
    }
  }
}

function checkVerbs(verbs: readonly string[] | undefined, at: string, faults: Faults): void {
  if (!verbs?.length) faults.required(`${at}.verbs`, 'verbs must contain at least one value');
  else if (verbs.includes('*')) {
    if (verbs.length > 1) faults.invalid(`${at}.verbs`, verbs, "if '*' is present, must not specify other verbs");
  } else if (!verbs.every((verb) => VERBS.includes(verb))) faults.notSupported(`${at}.verbs`, verbs, VERBS);
}

function checkResourceRule(rule: ResourcePolicyRule, at: string, faults: Faults): void {
  checkVerbs(rule.verbs, at, faults);
  for (const [list, one, many] of [['apiGroups', 'api group', 'api groups'], ['resources', 'resource', 'resources']] as const) {
    const values = rule[list] ?? [];
    if (values.length === 0) faults.required(`${at}.${list}`, `resource rules must supply at least one ${one}`);
    else if (values.length > 1 && values.includes('*')) faults.invalid(`${at}.${list}`, values, `if '*' is present, must not specify other ${many}`);
  }
  const namespaces = rule.namespaces ?? [];
  if (namespaces.length === 0 && !rule.clusterScope) {
    faults.required(`${at}.namespaces`, 'resource rules that are not cluster scoped must supply at least one namespace');
  } else if (namespaces.includes('*')) {
    if (namespaces.length > 1) faults.invalid(`${at}.namespaces`, namespaces, "if '*' is present, must not specify other namespaces");
  } else {
    for (const [index, name] of namespaces.entries()) {
      for (const text of dns1123LabelFaults(name)) {
        faults.invalid(`${at}.namespaces[${index}]`, name, `each member of this list must be '*' or a DNS-1123 label; ${text}`);
      }
    }
  }
}

function checkNonResourceRule(rule: NonResourcePolicyRule, at: string, faults: Faults): void {
  checkVerbs(rule.verbs, at, faults);
  const urls = rule.nonResourceURLs ?? [];
  if (urls.length === 0) faults.required(`${at}.nonResourceURLs`, 'nonResourceURLs must contain at least one value');
  else if (urls.includes('*')) {
    if (urls.length > 1) faults.invalid(`${at}.nonResourceURLs`, urls, "if '*' is present, must not specify other non-resource URLs");
  } else {
    for (const [index, url] of urls.entries()) {
      const fault = urlPathFault(url);
      if (fault) faults.invalid(`${at}.nonResourceURLs[${index}]`, url, fault);
    }
  }
}

/** A path with slashes; a star stands for any rest, at the end only. */
function urlPathFault(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const stars = url.split('*').length - 1;
  return stars > 1 || (stars === 1 && !url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}
