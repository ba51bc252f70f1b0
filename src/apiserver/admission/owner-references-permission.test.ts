import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import type { Client } from '#client/client';
import type { OwnerReference } from '#machinery/meta';
import { StatusError } from '#machinery/status-error';
import type { Authorizer } from '../authz/authorizer.ts';
import { ownerReferencesPermission } from './owner-references-permission.ts';
import type { AdmissionAttributes } from './plugin.ts';

const GROUPS = { items: [{ metadata: { name: 'apps' }, versions: [{ version: 'v1', resources: [{ resource: 'deployments', scope: 'Namespaced', responseKind: { kind: 'Deployment' } }] }] }] };
const client = { raw: (_method: string, path: string) => Promise.resolve(path === '/api' ? { items: [] } : GROUPS) } as unknown as Client;
const owner = (more: Partial<OwnerReference> = {}): OwnerReference => ({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', ...more });

interface Case { readonly name: string; readonly owners: OwnerReference[]; readonly old?: OwnerReference[]; readonly may?: string[]; readonly subresource?: string; readonly says?: string }

/** @param may questions that are answered with yes: `verb resource/subresource namespace/name` */
async function refusal({ owners, old, may = [], subresource = '' }: Case): Promise<string> {
  const authorizer: Authorizer = {
    name: 'test',
    authorize: (asked) => ({ decision: may.includes(`${asked.verb} ${asked.resource}/${asked.subresource} ${asked.namespace}/${asked.name}`) ? 'allow' : 'no-opinion', reason: 'no' }),
  };
  const attributes = {
    operation: old === undefined ? 'CREATE' : 'UPDATE', subresource, name: 'p', namespace: 'n', info: { group: '', version: 'v1', resource: 'pods' }, user: { name: 'eve', groups: [] },
    object: { metadata: { name: 'p', ownerReferences: owners } }, oldObject: old === undefined ? undefined : { metadata: { ownerReferences: old } }, signal: new AbortController().signal,
  } as unknown as AdmissionAttributes;
  try {
    await ownerReferencesPermission({ authorizer, client, clock: systemClock }).validate!(attributes);
    return '';
  } catch (error) {
    assert.ok(error instanceof StatusError);
    assert.equal(error.status.code, 403);
    return error.message;
  }
}

const blocking = owner({ blockOwnerDeletion: true });
const FORBIDDEN = 'pods "p" is forbidden: ';
const NO_FINALIZERS = `${FORBIDDEN}cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: no, <nil>`;
const CASES: Case[] = [
  { name: 'a new object names an owner that does not wait', owners: [owner()] },
  { name: 'a new owner needs the right to delete', owners: [owner()], old: [], says: `${FORBIDDEN}cannot set an ownerRef on a resource you can't delete: no, <nil>` },
  { name: 'who may delete names owners', owners: [owner()], old: [], may: ['delete pods/ n/p'] },
  { name: 'unchanged owners are nobody\'s business', owners: [blocking], old: [blocking] },
  { name: 'a status is left to the rules of pods', owners: [owner()], old: [], subresource: 'status' },
  { name: 'blocking needs the owner\'s finalizers', owners: [blocking], says: NO_FINALIZERS },
  { name: 'whoever may set them blocks', owners: [blocking], may: ['update deployments/finalizers n/web'] },
  { name: 'whoever may set all finalizers blocks', owners: [blocking], may: ['update */finalizers /*'] },
  { name: 'an owner that begins to wait', owners: [blocking], old: [owner()], may: ['delete pods/ n/p'], says: NO_FINALIZERS },
  { name: 'an owner that waits no more', owners: [owner()], old: [blocking], may: ['delete pods/ n/p'] },
  {
    name: 'a kind that nobody serves', owners: [owner({ kind: 'Ghost', blockOwnerDeletion: true })],
    says: `${FORBIDDEN}cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion apps/v1 Kind Ghost: no matches for kind "Ghost" in version "apps/v1"`,
  },
];

describe('B39: the right to name owners', () => {
  for (const one of CASES) it(one.name, async () => assert.equal(await refusal(one), one.says ?? ''));
});
