import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowSchema, PriorityLevelConfiguration } from '#api/generated/flowcontrol/v1';
import type { Informer, InformerHandlers } from '#client/informer-contract';
import type { KubeObject } from '#machinery/meta';
import { parseRequestInfo } from '../request-info.ts';
import { flowClassifier } from './flow-classifier.ts';

function informerOf<T extends KubeObject>(objects: T[]): { informer: Informer<T>; add(object: T): void } {
  const handlers: InformerHandlers<T>[] = [];
  const informer = { list: () => objects, addHandlers: (added: InformerHandlers<T>) => { handlers.push(added); return () => {}; } } as unknown as Informer<T>;
  return { informer, add(object) { objects.push(object); for (const each of handlers) each.onAdd?.(object, false); } };
}

type Rules = NonNullable<NonNullable<FlowSchema['spec']>['rules']>;
const schema = (name: string, matchingPrecedence: number, level: string, rules: Rules): FlowSchema =>
  ({ metadata: { name, uid: `fs-${name}` }, spec: { matchingPrecedence, priorityLevelConfiguration: { name: level }, rules } });
const level = (name: string): PriorityLevelConfiguration => ({ metadata: { name, uid: `pl-${name}` }, spec: { type: 'Exempt' } });
const anything = { resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] };

test('the first schema that matches, by precedence and name; those without a level count for nothing', () => {
  const schemas = informerOf([
    schema('catch-all', 1, 'low', [{ subjects: [{ kind: 'Group', group: { name: '*' } }], ...anything }]),
    schema('b', 10, 'low', [{ subjects: [{ kind: 'User', user: { name: 'u' } }], ...anything }]),
    schema('a', 10, 'low', [{ subjects: [{ kind: 'User', user: { name: 'u' } }], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/x/*'] }] }]),
    schema('dangling', 2, 'none', [{ subjects: [{ kind: 'User', user: { name: 'u' } }], ...anything }]),
    schema('accounts', 20, 'high', [{ subjects: [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'n', name: '*' } }], resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods/log'], namespaces: ['n'] }] }]),
    schema('cluster', 30, 'high', [{ subjects: [{ kind: 'Group', group: { name: 'g' } }], resourceRules: [{ verbs: ['*'], apiGroups: [''], resources: ['*'], clusterScope: true }] }]),
  ]);
  const classify = flowClassifier(schemas.informer, informerOf([level('low'), level('high')]).informer);
  const of = (user: string, groups: string[], target: string): string | undefined => classify(parseRequestInfo('GET', target), { name: user, groups })?.flowSchemaUid;
  const cases: [user: string, groups: string[], target: string, expected: string][] = [
    ['u', [], '/healthz', 'fs-a'],
    ['u', [], '/x/y', 'fs-a'],
    ['u', [], '/y', 'fs-b'],
    ['u', [], '/api/v1/pods', 'fs-b'],
    ['system:serviceaccount:n:s', [], '/api/v1/namespaces/n/pods/p/log', 'fs-accounts'],
    ['system:serviceaccount:n:s', [], '/api/v1/namespaces/n/pods/p', 'fs-catch-all'],
    ['system:serviceaccount:n:s', [], '/api/v1/namespaces/m/pods/p/log', 'fs-catch-all'],
    ['system:serviceaccount:nn:s', [], '/api/v1/namespaces/n/pods/p/log', 'fs-catch-all'],
    ['x', ['g'], '/api/v1/nodes', 'fs-cluster'],
    ['x', ['g'], '/api/v1/namespaces/n/pods', 'fs-catch-all'],
  ];
  for (const [user, groups, target, expected] of cases) assert.equal(of(user, groups, target), expected, `${user} ${target}`);
  schemas.add(schema('new', 3, 'high', [{ subjects: [{ kind: 'User', user: { name: 'x' } }], ...anything }]));
  assert.equal(of('x', ['g'], '/api/v1/nodes'), 'fs-new');
});
