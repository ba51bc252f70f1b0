/** Evaluation of expressions about a write: budgets, turns for others, an authorizer that takes its time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExpression } from '#machinery/cel/compile';
import { admissionEnvironment } from '#semantics/admission-expressions';
import type { Authorizer } from '../../authz/authorizer.ts';
import { parseRequestInfo } from '../../request-info.ts';
import type { AdmissionAttributes } from '../plugin.ts';
import { Evaluation, OutOfBudgetError, type CompiledExpression } from './evaluation.ts';

const environment = admissionEnvironment({ params: false, authorizer: true });
const compiled = (expression: string): CompiledExpression => ({ expression, compilation: compileExpression(expression, environment) });

const attributes: AdmissionAttributes = {
  operation: 'CREATE', info: parseRequestInfo('POST', '/api/v1/namespaces/default/configmaps'), user: { name: 'jane', groups: [] }, definition: undefined, kind: 'ConfigMap', name: 'a', namespace: 'default',
  subresource: '', object: undefined, oldObject: undefined, options: {}, dryRun: false, warn() {}, annotate() {}, signal: new AbortController().signal,
};

function evaluation(costMax: number, authorizer: Authorizer = { name: 'none', authorize: () => ({ decision: 'no-opinion', reason: '' }) }): Evaluation {
  return new Evaluation({ attributes, object: { data: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'v'])) }, oldObject: null, request: {}, authorizer, costMax });
}

test('an authorizer may answer later: each question is asked once', async () => {
  const asked: string[] = [];
  const slow: Authorizer = { name: 'slow', authorize: ({ verb, user }) => { asked.push(`${user.name} ${verb}`); return Promise.resolve({ decision: verb === 'get' ? 'allow' as const : 'no-opinion' as const, reason: '' }); } };
  const expression = "authorizer.group('').resource('pods').check('get').allowed() && !authorizer.serviceAccount('a', 'b').group('').resource('pods').check('list').allowed()";
  assert.deepEqual(await evaluation(10_000_000, slow).evaluate(compiled(expression)), { value: true });
  assert.deepEqual(asked, ['jane get', 'system:serviceaccount:a:b list']);
});

test('R20, S55: expensive expressions give others turns, and end with their budget', async () => {
  const heavy = compiled("object.data.all(a, object.data.all(b, object.data[a] + object.data[b] != 'never'))");
  const one = evaluation(1_000_000);
  let turns = 0;
  let isOver = false;
  const count = (): void => { turns++; if (!isOver) setImmediate(count); };
  setImmediate(count);
  await assert.rejects(async () => { for (let n = 0; n < 100; n++) await one.evaluate(heavy); }, OutOfBudgetError);
  isOver = true;
  assert.ok(turns >= 5, `${turns} turns`);
});
