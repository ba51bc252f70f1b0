/** Which names a definition may have beside the others of its group, and whether it is established. */
import type { CustomResourceDefinition, CustomResourceDefinitionCondition, CustomResourceDefinitionNames, CustomResourceDefinitionStatus } from '#api/generated/apiextensions/v1';
import { semanticEqual } from '#machinery/deep-equal';

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

/** @param others all other definitions of the group. @returns the status it should have */
export function namedStatus(definition: CustomResourceDefinition, others: readonly CustomResourceDefinition[], now: string): CustomResourceDefinitionStatus {
  const accepted = definition.status?.acceptedNames ?? { plural: '', kind: '' };
  const wanted = definition.spec.names;
  const names: CustomResourceDefinitionNames = { ...accepted };
  const taken = others.flatMap(({ status }) => (status?.acceptedNames === undefined ? [] : [status.acceptedNames]));
  const resources = new Set(taken.flatMap((one) => [one.plural, one.singular ?? '', ...one.shortNames ?? []]).filter((name) => name !== ''));
  const kinds = new Set(taken.flatMap((one) => [one.kind, one.listKind ?? '']).filter((name) => name !== ''));
  let fault: { reason: string; message: string } | undefined;
  const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`;
  const settle = (field: 'plural' | 'singular' | 'kind' | 'listKind', used: ReadonlySet<string>, reason: string): void => {
    const name = wanted[field] ?? '';
    if (name !== (accepted[field] ?? '') && used.has(name)) fault = { reason, message: inUse(name) };
    else if (name !== '') names[field] = name;
  };
  settle('plural', resources, 'PluralConflict');
  settle('singular', resources, 'SingularConflict');
  if (!semanticEqual(wanted.shortNames ?? [], accepted.shortNames ?? [])) {
    const clashes = (wanted.shortNames ?? []).filter((name) => !(accepted.shortNames ?? []).includes(name) && resources.has(name)).map(inUse);
    if (clashes.length > 0) fault = { reason: 'ShortNamesConflict', message: clashes.length === 1 ? clashes[0]! : `[${clashes.join(', ')}]` };
    else if (wanted.shortNames === undefined) delete names.shortNames;
    else names.shortNames = wanted.shortNames;
  }
  settle('kind', kinds, 'KindConflict');
  settle('listKind', kinds, 'ListKindConflict');
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
