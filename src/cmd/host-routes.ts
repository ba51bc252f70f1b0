/** Keeps the host's routes to the pods of a local cluster's nodes: pod range → node address, over the cluster's bridge. */
import type { Node } from '#api/generated/core/v1';
import { nodes } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { createInformerFactory } from '#client/informer/factory';
import type { ComponentContext } from '#component/component';
import { bridgeName, type ClusterConfig } from './cluster-config.ts';
import { run, tryRun } from './shell.ts';

export function createHostRoutes({ client, config }: { client: Client; config: ClusterConfig }, context: ComponentContext): { start(signal: AbortSignal): Promise<void>; stop(): Promise<void> } {
  const { clock, random, log } = context;
  const informers = createInformerFactory({ client, clock, random, log });
  const informer = informers.for(nodes);
  const set = async (node: Node): Promise<void> => {
    const cidr = node.spec?.podCIDR;
    const address = node.status?.addresses?.find((candidate) => candidate.type === 'InternalIP')?.address;
    if (cidr === undefined || address === undefined) return;
    await run('ip', ['route', 'replace', cidr, 'via', address, 'dev', bridgeName(config)]);
  };
  const change = (node: Node): void => { set(node).catch((error: unknown) => log.warn('the host has no route to the pods of a node', { node: node.metadata.name, error })); };
  return {
    async start() {
      informer.addHandlers({
        onAdd: change,
        onUpdate(old, node) { if (old.spec?.podCIDR !== node.spec?.podCIDR || JSON.stringify(old.status?.addresses) !== JSON.stringify(node.status?.addresses)) change(node); },
        onDelete(node) { if (node.spec?.podCIDR !== undefined) void tryRun('ip', ['route', 'del', node.spec.podCIDR, 'dev', bridgeName(config)]); },
      });
      informers.start();
    },
    stop: () => informers.stop(),
  };
}
