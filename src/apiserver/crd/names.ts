/** Which names a definition may have beside the others of its group, and whether it is established. */
import type { CustomResourceDefinition, CustomResourceDefinitionCondition, CustomResourceDefinitionNames, CustomResourceDefinitionStatus } from '#api/generated/apiextensions/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { fieldErrorsText, invalid } from '#machinery/field-error';
import { quote } from '#machinery/go-print';
import { structuralFaults } from '../resources/apiextensions/customresourcedefinitions/structural.ts';
import type { TakenNames } from './taken-names.ts';

type Condition = CustomResourceDefinitionCondition;

export function conditionOf(definition: CustomResourceDefinition, type: string): Condition | undefined {
  return definition.status?.conditions?.find((condition) => condition.type === type);
}

export function isEstablished(definition: CustomResourceDefinition): boolean {
  return conditionOf(definition, 'Established')?.status === 'True';
}

/** Keeps the time of a condition whose status has not changed. */
export function withCondition(conditions: readonly Condition[], next: Condition, now: string): Condition[] {
  const old = conditions.find((condition) => condition.type === next.type);
  const made: Condition = { ...next, lastTransitionTime: old?.status === next.status ? old.lastTransitionTime ?? now : now };
  return old === undefined ? [...conditions, made] : conditions.map((condition) => (condition === old ? made : condition));
}

/** @param taken what the other definitions of the group have. @returns the status it should have */
export function settledStatus(definition: CustomResourceDefinition, taken: TakenNames, now: string): CustomResourceDefinitionStatus {
  const status = namedStatus(definition, taken, now);
  let conditions = status.conditions ?? [];
  const unstructural = unstructuralCondition(definition);
  for (const condition of [approvalCondition(definition), unstructural]) if (condition !== undefined) conditions = withCondition(conditions, condition, now);
  if (unstructural === undefined) conditions = conditions.filter(({ type }) => type !== 'NonStructuralSchema');
  return { ...status, conditions };
}

function namedStatus(definition: CustomResourceDefinition, taken: TakenNames, now: string): CustomResourceDefinitionStatus {
  const accepted = definition.status?.acceptedNames ?? { plural: '', kind: '' };
  const wanted = definition.spec.names;
  const names: CustomResourceDefinitionNames = { ...accepted };
  let fault: { reason: string; message: string } | undefined;
  const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`;
  const settle = (field: 'plural' | 'singular' | 'kind' | 'listKind', isUsed: (name: string) => boolean, reason: string): void => {
    const name = wanted[field] ?? '';
    if (name !== (accepted[field] ?? '') && isUsed(name)) fault = { reason, message: inUse(name) };
    else if (name !== '') names[field] = name;
  };
  settle('plural', taken.hasResource, 'PluralConflict');
  settle('singular', taken.hasResource, 'SingularConflict');
  if (!semanticEqual(wanted.shortNames ?? [], accepted.shortNames ?? [])) {
    const clashes = (wanted.shortNames ?? []).filter((name) => !(accepted.shortNames ?? []).includes(name) && taken.hasResource(name)).map(inUse);
    if (clashes.length > 0) fault = { reason: 'ShortNamesConflict', message: clashes.length === 1 ? clashes[0]! : `[${clashes.join(', ')}]` };
    else if (wanted.shortNames === undefined) delete names.shortNames;
    else names.shortNames = wanted.shortNames;
  }
  settle('kind', taken.hasKind, 'KindConflict');
  settle('listKind', taken.hasKind, 'ListKindConflict');
  if (wanted.categories === undefined) delete names.categories; else names.categories = wanted.categories;
  let conditions = withCondition(definition.status?.conditions ?? [], fault === undefined
    ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' } : { type: 'NamesAccepted', status: 'False', ...fault }, now);
  if (!isEstablished(definition)) {
    conditions = withCondition(conditions, fault === undefined
      ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
      : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }, now);
  }
  return { ...definition.status, conditions, acceptedNames: names };
}

const APPROVAL_ANNOTATION = 'api-approved.kubernetes.io';
const APPROVAL_TEXT = 'protected groups must have approval annotation "api-approved.kubernetes.io"';
const APPROVAL_REFERENCE = 'see https://github.com/kubernetes/enhancements/pull/1111';

/** Of the community's groups; undefined for others. */
function approvalCondition(crd: CustomResourceDefinition): Condition | undefined {
  const { group } = crd.spec;
  if (!['k8s.io', 'kubernetes.io'].some((domain) => group === domain || group.endsWith(`.${domain}`))) return undefined;
  const text = crd.metadata.annotations?.[APPROVAL_ANNOTATION] ?? '';
  const condition = (status: string, reason: string, message: string): Condition => ({ type: 'KubernetesAPIApprovalPolicyConformant', status, reason, message });
  if (text === '') return condition('False', 'MissingAnnotation', `${APPROVAL_TEXT}, ${APPROVAL_REFERENCE}`);
  if (text.startsWith('unapproved')) return condition('False', 'UnapprovedAnnotation', `not approved: ${quote(text)}`);
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]+/.test(text)) return condition('True', 'ApprovedAnnotation', `approved in ${text}`);
  return condition('False', 'InvalidAnnotation', `${APPROVAL_TEXT} with either a URL or a reason starting with "unapproved", ${APPROVAL_REFERENCE}`);
}

/** Of definitions from before schemas had to be structural. */
function unstructuralCondition({ spec }: CustomResourceDefinition): Condition | undefined {
  const faults = [
    ...(spec.preserveUnknownFields === true ? [invalid('spec.preserveUnknownFields', true, 'must be false')] : []),
    ...spec.versions.flatMap((version, index) => {
      const schema = version.schema?.openAPIV3Schema;
      return schema === undefined ? [] : structuralFaults(schema, `spec.versions[${index}].schema.openAPIV3Schema`);
    }),
  ];
  if (faults.length === 0) return undefined;
  return { type: 'NonStructuralSchema', status: 'True', reason: 'Violations', message: fieldErrorsText(faults) };
}
