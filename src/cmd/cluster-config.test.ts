import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bridgeName, clusterId, ensureNodes, hostAddress, newClusterConfig, NODES_MAX } from './cluster-config.ts';

const MEMORY = { engine: 'memory' } as const;

test('the first cluster of a machine has the documented ranges', () => {
  const config = newClusterConfig('/tmp/a', 6443, () => false, MEMORY);
  assert.deepEqual([config.podCidr, config.serviceCidr, config.dnsAddress, hostAddress(config)], ['10.244.0.0/16', '10.96.0.0/12', '10.96.0.10', '10.89.0.1']);
});

test('a second one stands beside it', () => {
  const first = newClusterConfig('/tmp/a', 6443, () => false, MEMORY);
  const second = newClusterConfig('/tmp/b', 6444, (cidr) => [`${first.nodeNetwork}.0/24`, first.podCidr].includes(cidr), MEMORY);
  assert.deepEqual([second.podCidr, second.serviceCidr, second.nodeNetwork], ['10.245.0.0/16', '10.112.0.0/16', '10.89.1']);
  assert.notEqual(bridgeName(second), bridgeName(first));
});

test('the id follows the directory, and the bridge name fits the kernel', () => {
  assert.equal(clusterId('/tmp/a'), clusterId('/tmp/x/../a'));
  assert.ok(bridgeName(newClusterConfig('/tmp/a', 1, () => false, MEMORY)).length <= 15);
});

test('nodes are added, never removed, within limits', () => {
  const config = newClusterConfig('/tmp/a', 6443, () => false, MEMORY);
  ensureNodes(config, 2, 'node');
  ensureNodes(config, 1, 'node');
  assert.deepEqual(config.nodes.map((node) => `${node.name} ${node.address}`), ['node-1 10.89.0.11', 'node-2 10.89.0.12']);
  assert.throws(() => ensureNodes(config, NODES_MAX + 1, 'node'), /at most/);
});

test('when every range is taken, the message says what to do', () => {
  assert.throws(() => newClusterConfig('/tmp/a', 6443, () => true, MEMORY), /kubernode reset/);
});
