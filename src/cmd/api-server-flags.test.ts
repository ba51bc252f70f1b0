import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkApiServerFlags, givenApiServerFlags, type ApiServerFlags } from './api-server-flags.ts';
import { UserError } from './terminal.ts';

const REFUSED: readonly [name: string, flags: ApiServerFlags, says: string][] = [
  ['an unknown plugin', { enableAdmissionPlugins: 'PodPolicy' }, '--enable-admission-plugins plugin "PodPolicy" is unknown'],
  ['an unknown gate', { featureGates: 'Ghost=true' }, '--feature-gates: unrecognized feature gate: Ghost'],
  ['a version neither on nor off', { runtimeConfig: 'apps/v1=maybe' }, '"apps/v1=maybe": write NAME=true or NAME=false'],
  ['a log without a policy', { auditLogPath: '-' }, 'give --audit-policy-file and --audit-log-path together'],
];

describe('flags of the API server', () => {
  for (const [name, flags, says] of REFUSED) it(`refuse ${name}`, () => { assert.throws(() => { checkApiServerFlags(flags); }, new UserError(says)); });

  it('are kept with paths that hold from anywhere', () => {
    const { auditPolicyFile, ...others } = givenApiServerFlags({ auditPolicyFile: 'policy.yaml', auditLogPath: '-', runtimeConfig: 'api/all=true' })!;
    assert.match(auditPolicyFile!, /^\/.*policy\.yaml$/);
    assert.deepEqual(others, { auditLogPath: '-', runtimeConfig: 'api/all=true' });
  });

  it('are nothing when none was given', () => assert.equal(givenApiServerFlags({}), undefined));
});
