import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import type { Client } from '#client/client';
import type { KubeObject } from '#machinery/meta';
import { newNotFound, StatusError } from '#machinery/status-error';
import type { Authorizer } from '../authz/authorizer.ts';
import type { AdmissionAttributes } from './plugin.ts';
import { policyPermissions } from './policy-permissions.ts';

const DISCOVERED = [
  { items: [{ metadata: { name: '' }, versions: [{ version: 'v1', resources: [{ resource: 'secrets', scope: 'Namespaced', responseKind: { kind: 'Secret' } }] }] }] }, { items: [] },
];

function clientOf(paramKind: object | undefined): Client {
  return {
    for: () => ({
      get: (name: string) => (name === 'there' ? Promise.resolve({ metadata: { name }, spec: { paramKind } }) : Promise.reject(newNotFound('g', 'r', name))),
    }),
    raw: (_method: string, path: string) => Promise.resolve(DISCOVERED[path === '/api' ? 0 : 1]),
  } as unknown as Client;
}

interface Outcome { readonly asked: readonly string[]; readonly message: string }

async function outcome(resource: string, spec: object, more: { groups?: string[]; old?: object; paramKind?: object; allow?: boolean } = {}): Promise<Outcome> {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    name: 'test',
    authorize({ verb, group, version, resource: of, namespace, name }) {
      asked.push([verb, group, version, of, namespace, name].join(' '));
      return { decision: more.allow === true ? 'allow' : 'no-opinion', reason: '' };
    },
  };
  const attributes = {
    operation: more.old === undefined ? 'CREATE' : 'UPDATE', subresource: '', kind: 'Policy', name: 'p', namespace: '',
    info: { group: 'admissionregistration.k8s.io', version: 'v1', resource }, user: { name: 'eve', groups: more.groups ?? ['all'] },
    object: { metadata: { name: 'p' }, spec } as KubeObject, oldObject: more.old === undefined ? undefined : { metadata: {}, spec: more.old }, signal: new AbortController().signal,
  } as unknown as AdmissionAttributes;
  try {
    await policyPermissions({ authorizer, client: clientOf(more.paramKind), clock: systemClock }).validate!(attributes);
    return { asked, message: '' };
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return { asked, message: error.status.details?.causes?.[0]?.message ?? '' };
  }
}

const secrets = { paramKind: { apiVersion: 'v1', kind: 'Secret' } };
const POLICIES = 'validatingadmissionpolicies';
const BINDINGS = 'mutatingadmissionpolicybindings';

describe('permissions of policies', () => {
  it('asks for all objects of the kind of parameters', async () => {
    const refused = await outcome(POLICIES, secrets);
    assert.deepEqual(refused.asked, ['get  v1 secrets * *']);
    assert.equal(refused.message, 'Forbidden: user &{eve  [all] map[]} must have "get" permission on all objects of the referenced paramKind (kind=Secret, apiVersion=v1)');
    assert.equal((await outcome(POLICIES, secrets, { allow: true })).message, '');
  });

  it('asks for everything of the version when no resource has the kind', async () => {
    assert.deepEqual((await outcome(POLICIES, { paramKind: { apiVersion: 'a.b/v2', kind: 'Odd' } })).asked, ['get a.b v2 * * *']);
  });

  it('does not ask about an unchanged kind, nor the masters', async () => {
    assert.deepEqual(await outcome(POLICIES, secrets, { old: secrets }), { asked: [], message: '' });
    assert.deepEqual(await outcome(POLICIES, secrets, { groups: ['system:masters'] }), { asked: [], message: '' });
  });

  it('asks for what a binding names, or to list what it selects', async () => {
    const paramRef = { name: 'x', namespace: 'n' };
    assert.deepEqual((await outcome(BINDINGS, { policyName: 'there', paramRef }, secrets)).asked, ['get  v1 secrets n x']);
    assert.deepEqual((await outcome(BINDINGS, { policyName: 'there', paramRef: { selector: {} } }, secrets)).asked, ['list  v1 secrets  ']);
    const unknown = await outcome(BINDINGS, { policyName: 'gone', paramRef });
    assert.deepEqual(unknown.asked, ['get * * * n x']);
    assert.match(unknown.message, /^Forbidden: unable to get policy gone to determine minimum required permissions/);
  });
});
