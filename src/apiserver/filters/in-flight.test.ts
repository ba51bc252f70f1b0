import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTooManyRequests } from '#machinery/status-error';
import { parseRequestInfo } from '../request-info.ts';
import type { UserInfo } from '../request.ts';
import { inFlightLimit } from './in-flight.ts';

const ada: UserInfo = { name: 'ada', groups: ['system:authenticated'] };
const ben: UserInfo = { name: 'ben', groups: ['system:authenticated'] };
const admin: UserInfo = { name: 'admin', groups: ['system:masters'] };
const get = parseRequestInfo('GET', '/api/v1/namespaces/default/configmaps/a');
const put = parseRequestInfo('PUT', '/api/v1/namespaces/default/configmaps/a');

describe('requests in flight', () => {
  test('reads and writes have places of their own, given back once', () => {
    const limit = inFlightLimit({ reads: 1, writes: 1 });
    const leave = limit.enter(get, ada);
    assert.throws(() => limit.enter(get, ben), isTooManyRequests);
    limit.enter(put, ben);
    leave();
    leave();
    assert.equal(limit.current('readOnly'), 0);
    limit.enter(get, ben);
  });

  test('B47: watches of one user above their share get 429, others none', () => {
    const limit = inFlightLimit({ longRunningPerUser: 3 });
    const held = [1, 2, 3].map(() => limit.open(ada));
    assert.throws(() => limit.open(ada), isTooManyRequests);
    limit.open(ben)();
    held[0]!();
    held[0]!();
    limit.open(ada);
    assert.throws(() => limit.open(ada), isTooManyRequests, 'given back once');
  });

  test('an administrator always gets in', () => {
    const limit = inFlightLimit({ reads: 0, writes: 0, longRunningPerUser: 0 });
    limit.enter(put, admin)();
    limit.open(admin)();
  });
});
