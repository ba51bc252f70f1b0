/**
 * Which node has business with which object: pod → node, and everything its pods name → node.
 *
 *     secret, configmap, service account, claim, resource claim ──pod──▶ node
 *     secret ──▶ persistent volume ──▶ claim ──pod──▶ node
 *     volume attachment, resource slice ──▶ node
 *
 * What leads to a node in one step is counted per node; only the links over persistent volumes are followed. Mirror pods give
 * a node nothing but themselves. What its pods name is worked out when a node first asks, and kept up to date from then on.
 */
import { persistentvolumes, type PersistentVolume, type Pod } from '#api/generated/core/v1';
import { resourceslices } from '#api/generated/resource/v1';
import { volumeattachments } from '#api/generated/storage/v1';
import type { InformerFactory } from '#client/informer-contract';
import type { BoundPods } from './bound-pods.ts';
import { podClaimNames, podConfigMapNames, podResourceClaimNames, podSecretNames, volumeSecretNames } from './pod-references.ts';

export type NodeRelated = 'pod' | 'secret' | 'configmap' | 'serviceaccount' | 'claim' | 'resourceclaim' | 'volume' | 'attachment' | 'slice';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** Of one node: what each of its pods makes it read, and how many of them do. */
interface NodePods { readonly ofPod: Map<string, readonly string[]>; readonly counts: Map<string, number> }

export class NodeGraph {
  readonly #pods: BoundPods;
  /** Nodes that have asked, while they have pods. */
  readonly #asked = new Map<string, NodePods>();
  /** Object → node → how many ways lead there in one step, pods aside. */
  readonly #direct = new Map<string, Map<string, number>>();
  /** Secret → volumes; volume → claims. */
  readonly #links = new Map<string, Set<string>>();

  constructor(pods: BoundPods) {
    this.#pods = pods;
    pods.follow((nodeName, key, pod) => {
      const known = this.#asked.get(nodeName);
      if (known === undefined) return;
      put(known, key, pod === undefined ? [] : podReferences(pod()));
      if (known.ofPod.size === 0) this.#asked.delete(nodeName);
    }, () => this.#asked.clear());
  }

  follow(informers: InformerFactory): void {
    follow(informers.for(volumeattachments), (attachment) => [[`attachment//${attachment.metadata.name}`, attachment.spec.nodeName]],
      (edges) => this.#connect(edges, 1), (edges) => this.#connect(edges, -1));
    follow(informers.for(resourceslices), (slice) => (slice.spec.nodeName === undefined ? [] : [[`slice//${slice.metadata.name}`, slice.spec.nodeName]]),
      (edges) => this.#connect(edges, 1), (edges) => this.#connect(edges, -1));
    follow(informers.for(persistentvolumes), volumeLinks,
      (links) => { for (const [from, to] of links) this.#link(from, to); },
      (links) => { for (const [from, to] of links) this.#unlink(from, to); });
  }

  isRelated(nodeName: string, type: NodeRelated, namespace: string, name: string): boolean | Promise<boolean> {
    const from = `${type}/${namespace}/${name}`;
    if (!this.#asked.has(nodeName)) {
      const waiting = this.#pods.untilReady();
      if (waiting !== undefined) return waiting.then(() => this.isRelated(nodeName, type, namespace, name));
    }
    return this.#reaches(from, nodeName, this.#podsOf(nodeName));
  }

  #reaches(from: string, nodeName: string, pods: NodePods): boolean {
    if (pods.counts.has(from) || this.#direct.get(from)?.has(nodeName) === true) return true;
    for (const next of this.#links.get(from) ?? []) if (this.#reaches(next, nodeName, pods)) return true;
    return false;
  }

  #podsOf(nodeName: string): NodePods {
    let found = this.#asked.get(nodeName);
    if (found !== undefined) return found;
    found = { ofPod: new Map(), counts: new Map() };
    for (const pod of this.#pods.onNode(nodeName)) put(found, `${pod.metadata.namespace}/${pod.metadata.name}`, podReferences(pod));
    if (found.ofPod.size > 0) this.#asked.set(nodeName, found);
    return found;
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

/** What a pod makes its node read, in the place of what it did before. */
function put({ ofPod, counts }: NodePods, key: string, references: readonly string[]): void {
  for (const reference of ofPod.get(key) ?? []) {
    const left = counts.get(reference)! - 1;
    if (left > 0) counts.set(reference, left); else counts.delete(reference);
  }
  for (const reference of references) counts.set(reference, (counts.get(reference) ?? 0) + 1);
  if (references.length > 0) ofPod.set(key, references); else ofPod.delete(key);
}

type Edges = Iterable<readonly [string, string]>;

function follow<T extends PersistentVolume | { metadata: object }>(
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

/** The pod itself is the first. */
function podReferences(pod: Pod): string[] {
  const { namespace = '', name = '', annotations } = pod.metadata;
  const references = [`pod/${namespace}/${name}`];
  if (annotations?.[MIRROR_ANNOTATION] !== undefined) return references;
  const add = (type: NodeRelated, names: Iterable<string>): void => { for (const each of names) references.push(`${type}/${namespace}/${each}`); };
  const account = pod.spec?.serviceAccountName;
  if (account !== undefined && account !== '') add('serviceaccount', [account]);
  add('secret', podSecretNames(pod));
  add('configmap', podConfigMapNames(pod));
  add('claim', podClaimNames(pod));
  add('resourceclaim', podResourceClaimNames(pod));
  return references;
}

function volumeLinks(volume: PersistentVolume): [string, string][] {
  const claim = volume.spec?.claimRef;
  if (claim === undefined) return [];
  const key = `volume//${volume.metadata.name}`;
  const links: [string, string][] = [[key, `claim/${claim.namespace}/${claim.name}`]];
  for (const secret of volumeSecretNames(volume)) links.push([`secret/${secret}`, key]);
  return links;
}
