/** The cluster as one scheduling cycle sees it: it does not change under the plugins' hands. */
import type { NodeInfo } from '../framework/node-info.ts';

export class Snapshot {
  /** Interleaved over zones, so that a partial search looks at all of them. */
  nodes: readonly NodeInfo[] = [];
  readonly byName = new Map<string, NodeInfo>();
  readonly withAffinityPods = new Set<NodeInfo>();
  readonly withAntiAffinityPods = new Set<NodeInfo>();
  /** Nodes by image name: for the spread of images. */
  readonly imageNodeCounts = new Map<string, number>();

  get(name: string): NodeInfo | undefined { return this.byName.get(name); }
}

const ZONE_LABELS = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'];

/** Brings the snapshot up to the live nodes, copying only those whose generation moved. */
export function refreshSnapshot(snapshot: Snapshot, live: ReadonlyMap<string, NodeInfo>): void {
  let membership = false;
  for (const name of snapshot.byName.keys()) {
    if (live.get(name)?.node !== undefined) continue;
    snapshot.byName.delete(name);
    membership = true;
  }
  let changed = membership;
  for (const [name, info] of live) {
    if (info.node === undefined) continue;
    const known = snapshot.byName.get(name);
    if (known !== undefined && known.generation === info.generation) continue;
    changed = true;
    if (known === undefined) membership = true;
    snapshot.byName.set(name, info.clone());
  }
  if (!changed) return;
  snapshot.nodes = interleaved([...snapshot.byName.values()]);
  snapshot.withAffinityPods.clear();
  snapshot.withAntiAffinityPods.clear();
  snapshot.imageNodeCounts.clear();
  for (const node of snapshot.nodes) {
    if (node.podsWithAffinity.size > 0) snapshot.withAffinityPods.add(node);
    if (node.podsWithRequiredAntiAffinity.size > 0) snapshot.withAntiAffinityPods.add(node);
    for (const image of node.images.keys()) snapshot.imageNodeCounts.set(image, (snapshot.imageNodeCounts.get(image) ?? 0) + 1);
  }
}

function interleaved(nodes: readonly NodeInfo[]): NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  for (const node of nodes) {
    const zone = ZONE_LABELS.map((label) => node.node?.metadata.labels?.[label] ?? '').join('/');
    const members = zones.get(zone);
    if (members === undefined) zones.set(zone, [node]); else members.push(node);
  }
  if (zones.size <= 1) return [...nodes];
  const result: NodeInfo[] = [];
  for (let i = 0; result.length < nodes.length; i++) {
    for (const members of zones.values()) if (i < members.length) result.push(members[i]!);
  }
  return result;
}
