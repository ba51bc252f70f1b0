/** Aggregated discovery after changes is what it would be if it were made anew. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allGroupVersions } from '#api/registry';
import { encodeForm } from '../handlers/encode-form.ts';
import { ResourceTable } from '../resource-table.ts';
import { aggregatedEncoder } from './aggregated.ts';
import { aggregated, groupsInOrder } from './documents.ts';

test('groups that come, change and go', () => {
  const table = new ResourceTable();
  const versions = allGroupVersions().filter(({ group }) => ['', 'apps', 'batch', 'autoscaling'].includes(group));
  const encode = aggregatedEncoder(table);
  const check = (what: string): void => {
    for (const core of [true, false]) {
      assert.equal(encode('json', core).toString(), encodeForm('json', aggregated(table, core ? [''] : groupsInOrder(table)), false).toString(), what);
    }
  };
  check('empty');
  for (const { resources } of versions) for (const info of resources) table.add({ info, served: undefined });
  check('filled');
  table.remove('apps', 'v1', 'deployments');
  check('one less');
  for (const { group, version, resources } of versions) if (group === 'batch') for (const { resource } of resources) table.remove(group, version, resource);
  check('a group less');
});
