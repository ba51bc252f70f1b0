/** Names that definitions of one group want at the same time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from '#api/generated/apiextensions/v1';
import { conditionOf, isEstablished, settledStatus } from './names.ts';
import { NameRegister, type TakenNames } from './taken-names.ts';

const NOW = '2030-01-01T00:00:00Z';

function definition(names: CustomResourceDefinitionNames, group = 'example.com'): CustomResourceDefinition {
  return { metadata: { name: `${names.plural}.${group}` }, spec: { group, scope: 'Namespaced', names, versions: [{ name: 'v1', served: true, storage: true }] } };
}

function beside(one: CustomResourceDefinition, others: readonly CustomResourceDefinition[]): TakenNames {
  const register = new NameRegister();
  for (const other of [...others, one]) register.note(other);
  return register.beside(one);
}
const settled = (one: CustomResourceDefinition, others: CustomResourceDefinition[] = []): CustomResourceDefinition => ({ ...one, status: settledStatus(one, beside(one, others), NOW) });

const FIRST = settled(definition({ plural: 'alphas', singular: 'alpha', kind: 'Alpha', listKind: 'AlphaList', shortNames: ['al'] }));

test('free names are accepted, and the definition is established', () => {
  assert.equal(isEstablished(FIRST), true);
  assert.deepEqual(FIRST.status!.acceptedNames, FIRST.spec.names);
  assert.equal(settledStatus(FIRST, beside(FIRST, []), '2031-01-01T00:00:00Z').conditions![0]!.lastTransitionTime, NOW, 'what does not change keeps its time');
});

for (const [name, names, reason, message] of [
  ['short name', { plural: 'betas', singular: 'beta', kind: 'Beta', listKind: 'BetaList', shortNames: ['al', 'be'] }, 'ShortNamesConflict', '"al" is already in use'],
  ['kind', { plural: 'betas', singular: 'beta', kind: 'Alpha', listKind: 'BetaList' }, 'KindConflict', '"Alpha" is already in use'],
  ['singular', { plural: 'betas', singular: 'alphas', kind: 'Beta', listKind: 'BetaList' }, 'SingularConflict', '"alphas" is already in use'],
] as const) {
  test(`a ${name} that is taken`, () => {
    const second = settled(definition(names as unknown as CustomResourceDefinitionNames), [FIRST]);
    const { status, reason: actual, message: text } = conditionOf(second, 'NamesAccepted')!;
    assert.deepEqual([status, actual, text], ['False', reason, message]);
    assert.equal(isEstablished(second), false);
    assert.equal(second.status!.acceptedNames!.plural, 'betas', 'the other names are accepted');
    assert.equal(isEstablished(settled(second)), true, 'once it is free');
  });
}

test('groups of the community say whether they are approved', () => {
  const one = definition({ plural: 'as', kind: 'A' }, 'x.k8s.io');
  const with_ = (text: string): CustomResourceDefinition => ({ ...one, metadata: { ...one.metadata, annotations: { 'api-approved.kubernetes.io': text } } });
  const reasonOf = (crd: CustomResourceDefinition): string | undefined => conditionOf(settled(crd), 'KubernetesAPIApprovalPolicyConformant')?.reason;
  assert.deepEqual([reasonOf(one), reasonOf(with_('https://example.com/1')), reasonOf(with_('unapproved, a test')), reasonOf(with_('no'))],
    ['MissingAnnotation', 'ApprovedAnnotation', 'UnapprovedAnnotation', 'InvalidAnnotation']);
});
