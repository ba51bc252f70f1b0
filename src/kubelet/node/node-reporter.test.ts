import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import type { Node, NodeCondition, NodeStatus } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { newNotFound } from '#machinery/status-error';
import { kubeletConfig } from '../config.ts';
import { createNodeReporter } from './node-reporter.ts';

const ready = (status: string, reason: string): NodeCondition => ({ type: 'Ready', status, reason, lastHeartbeatTime: 't', lastTransitionTime: 't' });

/** A reporter in front of one stored node; `patches` counts what it reported. */
function setUp() {
  const clock = new VirtualClock();
  const server: { node: Node | undefined; patches: number; creations: number } = { node: undefined, patches: 0, creations: 0 };
  const found = (): Node => {
    if (server.node === undefined) throw newNotFound('', 'nodes', 'n1');
    return server.node;
  };
  const api = {
    create: async (node: Node) => { server.creations++; return (server.node = node); },
    get: async () => found(),
    patch: async (_name: string, _type: string, patch: { status: NodeStatus }) => {
      server.patches++;
      return (server.node = { ...found(), status: { ...patch.status } });
    },
  };
  const stop = new AbortController();
  const config = kubeletConfig({ nodeName: 'n1', nodeIps: ['10.0.0.1'] });
  const reporter = createNodeReporter({
    config, clock, log: silentLogger, recorder: { event() {} }, client: { for: () => api } as unknown as Client,
    status: async () => ({ conditions: [ready('True', 'KubeletReady')] }),
  });
  const running = reporter.run(stop.signal);
  return { clock, config, server, async end() { stop.abort(); await running.catch(() => undefined); } };
}

describe('node reporter', () => {
  it('reports once while nothing changes, and again after the report period', async () => {
    const { clock, config, server, end } = setUp();
    await clock.advance(config.nodeStatusUpdateMs * 5);
    assert.equal(server.patches, 1);
    await clock.advance(config.nodeStatusReportMs);
    assert.equal(server.patches, 2);
    await end();
  });

  it('says it again when the control plane has marked the node as unknown', async () => {
    const { clock, config, server, end } = setUp();
    await clock.advance(config.nodeStatusUpdateMs);
    server.node = { ...server.node!, status: { conditions: [ready('Unknown', 'NodeStatusUnknown')] } };
    await clock.advance(config.nodeStatusUpdateMs);
    assert.deepEqual([server.node.status?.conditions?.[0]?.status, server.patches], ['True', 2]);
    await end();
  });

  it('registers again when its node was deleted', async () => {
    const { clock, config, server, end } = setUp();
    await clock.advance(config.nodeStatusUpdateMs);
    server.node = undefined;
    await clock.advance(config.nodeStatusUpdateMs * 2);
    assert.equal(server.creations, 2);
    await end();
  });
});
