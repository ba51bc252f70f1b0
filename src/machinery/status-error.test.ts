import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalid, notSupported, path, required, tooLong, tooMany } from './field-error.ts';
import * as errors from './status-error.ts';

const TABLE: readonly [name: string, error: errors.StatusError, expected: object][] = [
  ['not found', errors.newNotFound('apps', 'deployments', 'web'), {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'deployments.apps "web" not found', reason: 'NotFound',
    details: { name: 'web', group: 'apps', kind: 'deployments' }, code: 404,
  }],
  ['forbidden without name', errors.newForbidden('', 'pods', '', 'no'), {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'pods is forbidden: no', reason: 'Forbidden',
    details: { kind: 'pods' }, code: 403,
  }],
  ['forbidden without resource', errors.newForbidden('', '', 'x', 'no'), {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'forbidden: no', reason: 'Forbidden', details: { name: 'x' }, code: 403,
  }],
  ['invalid with one error', errors.newInvalid('', 'Pod', 'p', [required(path('spec', 'containers'))]), {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Pod "p" is invalid: spec.containers: Required value', reason: 'Invalid',
    details: { name: 'p', kind: 'Pod', causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.containers' }] }, code: 422,
  }],
  ['internal error', errors.newInternalError(new Error('boom')), {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Internal error occurred: boom', reason: 'InternalError',
    details: { causes: [{ message: 'boom' }] }, code: 500,
  }],
  ['timeout keeps empty details', errors.newTimeout('x'), {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Timeout: x', reason: 'Timeout', details: {}, code: 504,
  }],
];

for (const [name, error, expected] of TABLE) {
  test(`status of ${name}`, () => assert.deepEqual(error.status, expected));
}

test('several faults are joined, equal ones once', () => {
  const place = path('spec').child('ports').index(0).child('port');
  const error = errors.newInvalid('apps', 'Deployment', 'd', [invalid(place, 0, 'must be'), invalid(place, 0, 'must be'), tooLong('a', 1), tooMany('b', 3, 2)]);
  assert.equal(error.message,
    'Deployment.apps "d" is invalid: [spec.ports[0].port: Invalid value: 0: must be, a: Too long: may not be more than 1 byte, b: Too many: 3: must have at most 2 items]');
  assert.equal(error.status.details?.causes?.length, 4);
});

test('bad values are printed as Go prints them', () => {
  assert.equal(invalid(undefined, 'a"\u0001é\u200b', 'x').field, '<nil>');
  assert.equal(invalid('f', 'a"\u0001é\u200b', 'x').message, 'Invalid value: "a\\"\\x01é\\u200b": x');
  assert.equal(invalid('f', { a: '<' }, 'x').message, 'Invalid value: {"a":"\\u003c"}: x');
  assert.equal(invalid('f', null, '').message, 'Invalid value: null');
  assert.equal(notSupported('f', 'z', ['a', 'b']).message, 'Unsupported value: "z": supported values: "a", "b"');
});

test('predicates go by reason, then by code when the reason is unknown', () => {
  assert.equal(errors.isNotFound(errors.newNotFound('', 'pods', 'x')), true);
  assert.equal(errors.isConflict(errors.newAlreadyExists('', 'pods', 'x')), false);
  assert.equal(errors.isConflict(new errors.StatusError({ code: 409 })), true);
  assert.equal(errors.isNotFound(new errors.StatusError({ code: 404, reason: 'Odd' })), true);
  assert.equal(errors.isNotFound(new errors.StatusError({ code: 404, reason: 'Conflict' })), false);
  assert.equal(errors.isTooManyRequests(new errors.StatusError({ code: 429, reason: 'Conflict' })), true);
  assert.equal(errors.isNotFound(new Error('x')), false);
});

test('answers without a Status body get a text by their code', () => {
  const error = errors.newGenericServerResponse({
    code: 502, verb: 'GET', group: '', resource: 'pods', name: 'p', serverMessage: 'bad', retryAfterSeconds: 0, unexpected: true,
  });
  assert.equal(error.message, 'an error on the server ("bad") has prevented the request from succeeding (get pods p)');
  assert.equal(errors.statusCause(error, 'UnexpectedServerResponse')?.message, 'bad');
});
