import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Client } from '#client/client';
import type { KubeObject } from '#machinery/meta';
import type { StatusError } from '#machinery/status-error';
import type { AuthorizationAttributes, Authorizer } from '../authz/authorizer.ts';
import { devicePermissions } from './device-permissions.ts';
import type { AdmissionAttributes } from './plugin.ts';

const clientOf = (labels: Record<string, string>): Client =>
  ({ for: () => ({ get: () => Promise.resolve({ metadata: { name: 'n', labels } }) }) }) as unknown as Client;

/** Allows what is written as `verb subresource namespace/name`, and remembers what it was asked. */
function authorizerOf(allowed: readonly string[], asked: string[] = []): Authorizer {
  const describeQuestion = ({ verb, subresource, namespace, name }: AuthorizationAttributes): string => `${verb} ${subresource} ${namespace}/${name}`;
  return {
    name: 'test',
    authorize(attributes) {
      asked.push(describeQuestion(attributes));
      return { decision: allowed.includes(describeQuestion(attributes)) ? 'allow' : 'no-opinion', reason: '' };
    },
  };
}

function attributesOf(more: { subresource?: string; object: object; oldObject?: object; extra?: Record<string, string[]> }): AdmissionAttributes {
  const isUpdate = more.oldObject !== undefined;
  return {
    operation: isUpdate ? 'UPDATE' : 'CREATE', subresource: more.subresource ?? '', kind: 'ResourceClaim', name: 'c', namespace: 'n',
    info: { group: 'resource.k8s.io', version: 'v1', resource: 'resourceclaims', verb: isUpdate ? 'update' : 'create' },
    user: { name: 'system:serviceaccount:n:driver', groups: [], extra: more.extra ?? {} },
    object: more.object as KubeObject, oldObject: more.oldObject as KubeObject | undefined, signal: new AbortController().signal,
  } as unknown as AdmissionAttributes;
}

async function refusedFields(authorizer: Authorizer, attributes: AdmissionAttributes, labels: Record<string, string> = {}): Promise<(string | undefined)[]> {
  try {
    await devicePermissions({ authorizer, client: clientOf(labels) }).validate!(attributes);
    return [];
  } catch (error) {
    return ((error as StatusError).status.details?.causes ?? []).map(({ field }) => field);
  }
}

const claim = (adminAccess: boolean): object => ({ metadata: { name: 'c' }, spec: { devices: { requests: [{ name: 'a' }, { name: 'b', exactly: { adminAccess } }] } } });
const allocation = { devices: { results: [{ request: 'a', driver: 'd.x', pool: 'p', device: 'v' }] } };
const onNode = { ...allocation, nodeSelector: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] } };
const withStatus = (status: object): object => ({ metadata: { name: 'c' }, spec: {}, status });

describe('permissions of devices', () => {
  it("gives administrator's access in labelled namespaces only", async () => {
    const attributes = attributesOf({ object: claim(true) });
    assert.deepEqual(await refusedFields(authorizerOf([]), attributes), ['spec.devices.requests[1].adminAccess']);
    assert.deepEqual(await refusedFields(authorizerOf([]), attributes, { 'resource.kubernetes.io/admin-access': 'true' }), []);
    assert.deepEqual(await refusedFields(authorizerOf([]), attributesOf({ object: claim(false) })), []);
  });

  it('asks whoever allocates for binding, in all namespaces', async () => {
    const attributes = attributesOf({ subresource: 'status', oldObject: withStatus({}), object: withStatus({ allocation }) });
    assert.deepEqual(await refusedFields(authorizerOf([]), attributes), ['status.allocation']);
    assert.deepEqual(await refusedFields(authorizerOf(['update binding /']), attributes), []);
    const reserved = attributesOf({ subresource: 'status', oldObject: withStatus({ allocation }), object: withStatus({ allocation, reservedFor: [{ name: 'pod' }] }) });
    assert.deepEqual(await refusedFields(authorizerOf([]), reserved), ['status.allocation']);
  });

  it("asks for each driver whose devices' status changes; on the claim's own node the lesser right is enough", async () => {
    const devices = [{ driver: 'd.x', pool: 'p', device: 'v' }, { driver: 'd.y', pool: 'p', device: 'w' }];
    const old = withStatus({ allocation: onNode, devices: [devices[1]] });
    const change = { subresource: 'status', oldObject: old, object: withStatus({ allocation: onNode, devices }) };
    const asked: string[] = [];
    assert.deepEqual(await refusedFields(authorizerOf([], asked), attributesOf(change)), ['status.devices']);
    assert.deepEqual(asked, ['arbitrary-node:update driver n/d.x']);
    assert.deepEqual(await refusedFields(authorizerOf(['arbitrary-node:update driver n/d.x']), attributesOf(change)), []);
    const here = { ...change, extra: { 'authentication.kubernetes.io/node-name': ['n1'] } };
    assert.deepEqual(await refusedFields(authorizerOf(['associated-node:update driver n/d.x']), attributesOf(here)), []);
    const elsewhere = { ...change, extra: { 'authentication.kubernetes.io/node-name': ['n2'] } };
    assert.deepEqual(await refusedFields(authorizerOf(['associated-node:update driver n/d.x']), attributesOf(elsewhere)), ['status.devices']);
  });
});
