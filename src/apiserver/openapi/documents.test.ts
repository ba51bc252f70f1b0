import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allGroupVersions, isStableVersion } from '#api/registry';
import { openApiDocuments } from './documents.ts';
import type { CustomDefinitions, PublishedVersion } from './published.ts';
import { referencesOf } from './definitions.ts';

type Json = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any

const BUILTIN: readonly PublishedVersion[] = allGroupVersions().filter((info) => isStableVersion(info.version));
const documents = openApiDocuments({ published: () => BUILTIN, serverVersion: 'v1.36.0' });

async function v3(name: string): Promise<Json> {
  return JSON.parse((await documents.v3(name))!.bytes.whole().toString()) as Json;
}

test('the index names every document with its hash', async () => {
  const paths = JSON.parse(documents.index().toString()).paths as Json;
  assert.ok(['api', 'api/v1', 'apis', 'apis/apps', 'apis/apps/v1', 'version', 'openid/v1/jwks'].every((name) => name in paths));
  assert.match(paths['apis/apps/v1'].serverRelativeURL, /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/);
  assert.equal(documents.hashOf('apis/apps/v1'), (await documents.v3('apis/apps/v1'))?.hash);
  assert.equal(await documents.v3('apis/apps/v9'), undefined);
});

test('documents refer to nothing they do not hold', async () => {
  for (const name of Object.keys(JSON.parse(documents.index().toString()).paths as Json)) {
    const document = await v3(name);
    for (const reference of referencesOf(document)) assert.ok(reference in document['components'].schemas, `${name}: ${reference}`);
  }
  const swagger = JSON.parse((await documents.v2()).bytes.whole().toString()) as Json;
  for (const reference of referencesOf(swagger)) assert.ok(reference in swagger['definitions'] || reference in swagger['parameters'], reference);
});

test('operation ids are unique', async () => {
  const swagger = JSON.parse((await documents.v2()).bytes.whole().toString()) as Json;
  const ids = Object.values(swagger['paths'] as Json).flatMap((item) => Object.values(item as Json).map((operation) => operation.operationId as string | undefined)).filter((id) => id !== undefined);
  assert.equal(new Set(ids).size, ids.length);
});

test('definitions say what clients need of them', async () => {
  const { schemas } = (await v3('api/v1'))['components'] as Json;
  const port = schemas['io.k8s.api.core.v1.ContainerPort'];
  assert.deepEqual([port.required, port.properties.containerPort.default, port.properties.protocol.enum], [['containerPort'], 0, ['SCTP', 'TCP', 'UDP']]);
  const ports = schemas['io.k8s.api.core.v1.Container'].properties.ports;
  assert.deepEqual(ports['x-kubernetes-list-map-keys'], ['containerPort', 'protocol']);
  assert.equal(ports['x-kubernetes-patch-merge-key'], 'containerPort');
  assert.deepEqual(schemas['io.k8s.api.core.v1.Pod']['x-kubernetes-group-version-kind'], [{ group: '', kind: 'Pod', version: 'v1' }]);
  assert.deepEqual(schemas['io.k8s.apimachinery.pkg.api.resource.Quantity'].oneOf, [{ type: 'string' }, { type: 'number' }]);
});

test('paths say what can be asked', async () => {
  const { paths } = await v3('apis/apps/v1');
  const item = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale'];
  assert.deepEqual(Object.keys(item).sort(), ['get', 'parameters', 'patch', 'put']);
  assert.deepEqual(item.get['x-kubernetes-group-version-kind'], { group: 'autoscaling', kind: 'Scale', version: 'v1' });
  assert.equal(item.patch.operationId, 'patchAppsV1NamespacedDeploymentScale');
  assert.deepEqual(item.parameters.map((parameter: Json) => parameter['name']), ['name', 'namespace', 'pretty']);
});

test('custom resources are documented as their definitions say', async () => {
  const custom: CustomDefinitions = {
    revision: '1',
    namesOf: () => ({ object: 'com.example.v1.Thing', list: 'com.example.v1.ThingList' }),
    definitions: (_info, version) => new Map(['Thing', 'ThingList'].map((kind) => [`com.example.v1.${kind}`, {
      type: 'object', properties: { metadata: { $ref: `${version === 2 ? '#/definitions/' : '#/components/schemas/'}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta` } },
    }])),
  };
  const things: PublishedVersion = {
    group: 'example.com', version: 'v1', custom,
    resources: [{ group: 'example.com', version: 'v1', resource: 'things', singular: 'thing', kind: 'Thing', type: '', namespaced: true, verbs: ['get', 'list', 'create', 'patch', 'watch'], shortNames: [], categories: [], subresources: [] }],
  };
  const all = [...BUILTIN, things];
  const both = openApiDocuments({ published: () => all, serverVersion: 'v1.36.0' });
  const document = JSON.parse((await both.v3('apis/example.com/v1'))!.bytes.whole().toString()) as Json;
  const patch = document['paths']['/apis/example.com/v1/namespaces/{namespace}/things/{name}'].patch;
  assert.deepEqual(Object.keys(patch.requestBody.content), ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml']);
  assert.deepEqual(Object.keys(patch.responses['200'].content), ['application/json', 'application/yaml']);
  assert.ok('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' in document['components'].schemas);
});

test('the protobuf form starts as its readers expect', async () => {
  const protobuf = (await documents.v2('protobuf')).bytes.whole();
  assert.ok(protobuf.length > 100_000);
  assert.deepEqual([...protobuf.subarray(0, 5)], [0x0a, 3, 0x32, 0x2e, 0x30]);
});

test('documents of version 3 have a protobuf form', async () => {
  const document = (await documents.v3('apis/apps/v1', 'protobuf'))!;
  const protobuf = document.bytes.whole();
  assert.deepEqual([...protobuf.subarray(0, 7)], [0x0a, 5, ...Buffer.from('3.0.0')]);
  assert.ok(protobuf.includes('io.k8s.api.apps.v1.DeploymentSpec') && protobuf.includes('patchAppsV1NamespacedDeploymentScale'));
  assert.equal(await documents.v3('apis/apps/v1', 'protobuf'), document, 'made once');
});
