import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCHEMA_TEXT } from './generated/schema-text.ts';
import type { TypeRef } from '#machinery/schema/model';
import { resolveType, resourceInfo, resources, typeForKind, typesOf } from './registry.ts';

test('every resource and subresource has its type', () => {
  const optionKinds = /Options$/;
  for (const info of resources()) {
    assert.ok(resolveType(info.type)?.isKind, info.type);
    for (const sub of info.subresources) {
      if (optionKinds.test(sub.kind)) continue;
      const apiVersion = [sub.group ?? info.group, sub.version ?? info.version].filter((part) => part !== '').join('/');
      assert.ok(typeForKind(apiVersion, sub.kind), `${info.resource}/${sub.name}: ${apiVersion} ${sub.kind}`);
    }
    if (info.verbs.includes('list')) assert.ok(resolveType(`${info.type}List`)?.isKind, `${info.type}List`);
  }
});

test('every reference of the schema resolves', () => {
  const check = (ref: TypeRef, where: string): void => {
    if (ref.kind === 'ref') assert.ok(resolveType(ref.name), `${where}: ${ref.name}`);
    if (ref.kind === 'list') check(ref.item, where);
    if (ref.kind === 'map') check(ref.value, where);
  };
  for (const groupVersion of Object.keys(SCHEMA_TEXT)) {
    for (const type of typesOf(groupVersion).values()) {
      for (const field of type.fields.values()) check(field.type, `${type.name}.${field.name}`);
    }
  }
});

test('resources carry their names for discovery', () => {
  const pods = resourceInfo('', 'v1', 'pods');
  assert.deepEqual(pods && [pods.singular, pods.shortNames, pods.categories], ['pod', ['po'], ['all']]);
  assert.deepEqual(resourceInfo('batch', 'v1', 'cronjobs')?.shortNames, ['cj']);
  assert.deepEqual(resourceInfo('apps', 'v1', 'deployments')?.subresources.map((sub) => [sub.name, sub.kind, sub.group]),
    [['scale', 'Scale', 'autoscaling'], ['status', 'Deployment', undefined]]);
});

test('kinds are found by apiVersion', () => {
  assert.equal(typeForKind('rbac.authorization.k8s.io/v1', 'Role')?.name, 'rbac/v1.Role');
  assert.equal(typeForKind('v1', 'Status')?.name, 'meta/v1.Status');
  assert.equal(typeForKind('apps/v1', 'DeleteOptions')?.name, 'meta/v1.DeleteOptions');
  assert.equal(typeForKind('v1', 'PodSpec'), undefined);
  assert.equal(typeForKind('example.com/v1', 'Pod'), undefined);
});
