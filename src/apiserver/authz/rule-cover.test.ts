import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from '#api/generated/rbac/v1';
import { describeRules, uncoveredRules } from './rule-cover.ts';

const pods = (verbs: string[], more: Partial<PolicyRule> = {}): PolicyRule => ({ verbs, apiGroups: [''], resources: ['pods'], ...more });

const CASES: { name: string; owned: PolicyRule[]; wanted: PolicyRule[]; missing: string }[] = [
  { name: 'the same', owned: [pods(['get'])], wanted: [pods(['get'])], missing: '' },
  { name: 'verbs over two rules', owned: [pods(['get']), pods(['list'])], wanted: [pods(['list', 'get'])], missing: '' },
  { name: 'a further verb', owned: [pods(['get'])], wanted: [pods(['get', 'delete'])], missing: '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}' },
  { name: 'all verbs are more than each', owned: [pods(['get', 'list'])], wanted: [pods(['*'])], missing: '{APIGroups:[""], Resources:["pods"], Verbs:["*"]}' },
  { name: 'one name of two', owned: [pods(['get'], { resourceNames: ['a'] })], wanted: [pods(['get'], { resourceNames: ['a', 'b'] })], missing: '{APIGroups:[""], Resources:["pods"], ResourceNames:["b"], Verbs:["get"]}' },
  { name: 'a name does not cover all', owned: [pods(['get'], { resourceNames: ['a'] })], wanted: [pods(['get'])], missing: '{APIGroups:[""], Resources:["pods"], Verbs:["get"]}' },
  { name: 'any subresource of that name', owned: [pods(['get'], { resources: ['*/log'] })], wanted: [pods(['get'], { resources: ['pods/log'] })], missing: '' },
  { name: 'paths below', owned: [{ verbs: ['get'], nonResourceURLs: ['/logs/*'] }], wanted: [{ verbs: ['get'], nonResourceURLs: ['/logs/x', '/debug'] }], missing: '{NonResourceURLs:["/debug"], Verbs:["get"]}' },
  { name: 'nothing covers a URL with resources', owned: [pods(['*'], { apiGroups: ['*'], resources: ['*'] })], wanted: [{ verbs: ['get'], nonResourceURLs: ['/x'] }], missing: '{NonResourceURLs:["/x"], Verbs:["get"]}' },
];

for (const { name, owned, wanted, missing } of CASES) {
  test(`rules covered: ${name}`, () => assert.equal(describeRules(uncoveredRules(owned, wanted)), missing));
}
