/**
 * Which node has business with which object: pod → node, and everything its pods name → node.
 *
 *     secret, configmap, service account, claim, resource claim ──pod──▶ node
 *     secret ──▶ persistent volume ──▶ claim ──pod──▶ node
 *     volume attachment, resource slice ──▶ node
 *
 * What leads to a node in one step is counted per node; only the links over persistent volumes are followed. Mirror pods give
 * a node nothing but themselves.
 */
import { persistentvolumes, type PersistentVolume, type Pod } from '#api/generated/core/v1';
import { resourceslices } from '#api/generated/resource/v1';
import { volumeattachments } from '#api/generated/storage/v1';
import type { Informer, InformerFactory } from '#client/informer-contract';
import { podClaimNames, podConfigMapNames, podResourceClaimNames, podSecretNames, volumeSecretNames } from './pod-references.ts';

export type NodeRelated = 'pod' | 'secret' | 'configmap' | 'serviceaccount' | 'claim' | 'resourceclaim' | 'volume' | 'attachment' | 'slice';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

export class NodeGraph {
  /** Object → node → how many ways lead there in one step. */
  readonly #direct = new Map<string, Map<string, number>>();
  /** Secret → volumes; volume → claims. */
  readonly #links = new Map<string, Set<string>>();

  /** @param pods shared with others; its objects hold at least what `pod-references.ts` reads. */
  follow(informers: InformerFactory, pods: Informer<Pod>): void {
    follow(pods, podEdges, (edges) => this.#connect(edges, 1), (edges) => this.#connect(edges, -1));
    follow(informers.for(volumeattachments), (attachment) => [[`attachment//${attachment.metadata.name}`, attachment.spec.nodeName]],
      (edges) => this.#connect(edges, 1), (edges) => this.#connect(edges, -1));
    follow(informers.for(resourceslices), (slice) => (slice.spec.nodeName === undefined ? [] : [[`slice//${slice.metadata.name}`, slice.spec.nodeName]]),
      (edges) => this.#connect(edges, 1), (edges) => this.#connect(edges, -1));
    follow(informers.for(persistentvolumes), volumeLinks,
      (links) => { for (const [from, to] of links) this.#link(from, to); },
      (links) => { for (const [from, to] of links) this.#unlink(from, to); });
  }

  isRelated(nodeName: string, type: NodeRelated, namespace: string, name: string): boolean {
    return this.#reaches(`${type}/${namespace}/${name}`, nodeName);
  }

  #reaches(from: string, nodeName: string): boolean {
    if (this.#direct.get(from)?.has(nodeName) === true) return true;
    for (const next of this.#links.get(from) ?? []) if (this.#reaches(next, nodeName)) return true;
    return false;
  }

  #connect(edges: Iterable<readonly [string, string]>, by: 1 | -1): void {
    for (const [from, node] of edges) {
      const nodes = this.#direct.get(from) ?? new Map<string, number>();
      const count = (nodes.get(node) ?? 0) + by;
      if (count > 0) nodes.set(node, count);
      else nodes.delete(node);
      if (nodes.size > 0) this.#direct.set(from, nodes);
      else this.#direct.delete(from);
    }
  }

  #link(from: string, to: string): void {
    const known = this.#links.get(from);
    if (known === undefined) this.#links.set(from, new Set([to]));
    else known.add(to);
  }

  #unlink(from: string, to: string): void {
    const known = this.#links.get(from);
    known?.delete(to);
    if (known?.size === 0) this.#links.delete(from);
  }
}

type Edges = Iterable<readonly [string, string]>;

function follow<T extends Pod | PersistentVolume | { metadata: object }>(
  informer: { addHandlers(handlers: { onAdd(object: T): void; onUpdate(old: T, current: T): void; onDelete(object: T): void }): unknown },
  edges: (object: T) => Edges, add: (edges: Edges) => void, remove: (edges: Edges) => void,
): void {
  informer.addHandlers({
    onAdd: (object) => add(edges(object)),
    // Links are not counted: what stays must be added last.
    onUpdate: (old, current) => { remove(edges(old)); add(edges(current)); },
    onDelete: (object) => remove(edges(object)),
  });
}

function podEdges(pod: Pod): [string, string][] {
  const node = pod.spec?.nodeName;
  if (node === undefined || node === '') return [];
  const { namespace = '', name = '', annotations } = pod.metadata;
  const edges: [string, string][] = [[`pod/${namespace}/${name}`, node]];
  if (annotations?.[MIRROR_ANNOTATION] !== undefined) return edges;
  const add = (type: NodeRelated, names: Iterable<string>): void => { for (const each of names) edges.push([`${type}/${namespace}/${each}`, node]); };
  const account = pod.spec?.serviceAccountName;
  if (account !== undefined && account !== '') add('serviceaccount', [account]);
  add('secret', podSecretNames(pod));
  add('configmap', podConfigMapNames(pod));
  add('claim', podClaimNames(pod));
  add('resourceclaim', podResourceClaimNames(pod));
  return edges;
}

function volumeLinks(volume: PersistentVolume): [string, string][] {
  const claim = volume.spec?.claimRef;
  if (claim === undefined) return [];
  const key = `volume//${volume.metadata.name}`;
  const links: [string, string][] = [[key, `claim/${claim.namespace}/${claim.name}`]];
  for (const secret of volumeSecretNames(volume)) links.push([`secret/${secret}`, key]);
  return links;
}
