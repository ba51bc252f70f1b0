/** Names that are known to be taken, whatever order definitions are seen and settled in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from '#api/generated/apiextensions/v1';
import { NameRegister } from './taken-names.ts';

const NAMES: CustomResourceDefinitionNames = { plural: 'alphas', singular: 'alpha', kind: 'Alpha', listKind: 'AlphaList', shortNames: ['al'] };

function definition(name: string, revision: number, acceptedNames?: CustomResourceDefinitionNames, group = 'example.com'): CustomResourceDefinition {
  return {
    metadata: { name, resourceVersion: String(revision) },
    spec: { group, scope: 'Namespaced', names: NAMES, versions: [] }, ...(acceptedNames === undefined ? {} : { status: { acceptedNames } }),
  };
}
const OTHER = definition('others', 9);
const isTaken = (register: NameRegister, one = OTHER): boolean[] => [register.beside(one).hasResource('alphas'), register.beside(one).hasResource('al'), register.beside(one).hasKind('AlphaList')];

test('accepted names are taken for others of the group alone', () => {
  const register = new NameRegister();
  register.note(definition('first', 1, NAMES));
  assert.deepEqual(isTaken(register), [true, true, true]);
  assert.deepEqual(isTaken(register, definition('first', 1)), [false, false, false], 'its own');
  assert.deepEqual(isTaken(register, definition('others', 1, undefined, 'example.org')), [false, false, false], 'another group');
  assert.equal(register.beside(OTHER).hasKind('alphas'), false);
});

test('an older version changes nothing, a newer one frees what it gave up', () => {
  const register = new NameRegister();
  register.note(definition('first', 5, NAMES));
  register.note(definition('first', 4));
  assert.deepEqual(isTaken(register), [true, true, true]);
  register.note(definition('first', 6, { ...NAMES, shortNames: [] }));
  assert.deepEqual(isTaken(register), [true, false, true]);
});

test('a claim holds until it is given up or the definition is gone', () => {
  const register = new NameRegister();
  const first = definition('first', 1);
  register.note(first);
  register.claim(first, NAMES);
  register.note(definition('first', 2));
  assert.deepEqual(isTaken(register), [true, true, true], 'no version that is seen meanwhile ends it');
  register.note(definition('first', 3, NAMES));
  register.claim(first, undefined);
  assert.deepEqual(isTaken(register), [true, true, true], 'written');
  register.claim(first, NAMES);
  register.forget('first');
  assert.deepEqual(isTaken(register), [false, false, false]);
});
