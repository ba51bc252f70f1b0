/** Gives each node its range of pod addresses, of each family that the cluster has. */
import { nodes, type Node } from '#api/generated/core/v1';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { CidrSet } from './cidr-set.ts';

export const nodeIpamController: ControllerDefinition = {
  name: 'node-ipam-controller',
  serviceAccount: 'node-controller',
  eventSource: 'cidrAllocator',
  make: (context) => (context.options.allocateNodeCidrs && context.options.clusterCidrs.length > 0 ? makeController(context) : undefined),
};

const WORKERS = 1; // ranges are given out one after the other
const FULL_RETRY_MS = 10_000;

function makeController(context: ControllerContext): Controller {
  const { client, options } = context;
  const all = context.informers.for(nodes);
  const sets = options.clusterCidrs.map((cidr) => new CidrSet(cidr, cidr.includes(':') ? options.nodeCidrMaskSizeIPv6 : options.nodeCidrMaskSizeIPv4));
  for (const cidr of options.serviceCidrs) for (const set of sets) set.occupy(cidr);
  /** Node → what was given to it, also before the cache shows it. */
  const given = new Map<string, readonly string[]>();
  const loop = keyedLoop(context, { name: 'cidrallocator_node', informers: [all] as const, workers: WORKERS, reconcile });
  all.addHandlers({
    onAdd(node) { note(node); loop.enqueue(node); },
    onUpdate(_old, node) { note(node); if (cidrsOf(node).length === 0) loop.enqueue(node); },
    onDelete(node) {
      for (const cidr of given.get(node.metadata.name!) ?? cidrsOf(node)) for (const set of sets) set.release(cidr);
      given.delete(node.metadata.name!);
    },
  });

  function note(node: Node): void {
    const cidrs = cidrsOf(node);
    if (cidrs.length === 0) return;
    for (const cidr of given.get(node.metadata.name!) ?? []) if (!cidrs.includes(cidr)) for (const set of sets) set.release(cidr);
    given.set(node.metadata.name!, cidrs);
    for (const cidr of cidrs) for (const set of sets) set.occupy(cidr);
  }

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const node = all.get(name);
    if (node === undefined || cidrsOf(node).length > 0) return undefined;
    let cidrs = given.get(name);
    if (cidrs === undefined) {
      const allocated = sets.map((set) => set.allocate());
      if (allocated.includes(undefined)) {
        for (const [i, cidr] of allocated.entries()) if (cidr !== undefined) sets[i]!.release(cidr);
        context.events.event({ apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid! }, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
        return { afterMs: FULL_RETRY_MS };
      }
      given.set(name, cidrs = allocated as string[]);
    }
    const patch = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: cidrs[0], podCIDRs: cidrs } };
    try {
      loop.writes.wrote(name, all, await client.for(nodes).patch(name, 'application/strategic-merge-patch+json', patch, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  return { run: loop.run };
}

function cidrsOf(node: Node): readonly string[] {
  if ((node.spec?.podCIDRs ?? []).length > 0) return node.spec!.podCIDRs!;
  return node.spec?.podCIDR ? [node.spec.podCIDR] : [];
}
