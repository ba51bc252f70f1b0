/** The pods of a daemon set: where one belongs, and how it is made for its node. Pure. */
import { daemonsets, type DaemonSet } from '#api/generated/apps/v1';
import type { Affinity, Node, NodeSelectorTerm, Pod, Toleration } from '#api/generated/core/v1';
import { podMatchesNode } from '#semantics/node-affinity';
import { controllerReference } from '#semantics/owner-reference';
import { isPodTerminal } from '#semantics/pod-state';
import { untoleratedTaint } from '#semantics/taints';
import { podFromTemplate } from '../pod-control.ts';

export const HASH_LABEL = 'controller-revision-hash';
const GENERATION_LABEL = 'pod-template-generation';
const GENERATION_ANNOTATION = 'deprecated.daemonset.template.generation';
const NODE_NAME_FIELD = 'metadata.name';

export function daemonPod(set: DaemonSet, nodeName: string, hash: string): Pod {
  const pod = podFromTemplate(set.spec!.template, set, controllerReference(set, daemonsets));
  const generation = set.metadata.annotations?.[GENERATION_ANNOTATION];
  pod.metadata.labels = { ...pod.metadata.labels, ...(generation !== undefined && { [GENERATION_LABEL]: generation }), [HASH_LABEL]: hash };
  pod.spec!.tolerations = withDaemonTolerations(pod.spec!.tolerations ?? [], pod.spec!.hostNetwork === true);
  pod.spec!.affinity = pinnedTo(pod.spec!.affinity, nodeName);
  return pod;
}

export function isUpToDate(set: DaemonSet, pod: Pod, hash: string): boolean {
  const labels = pod.metadata.labels ?? {};
  const generation = set.metadata.annotations?.[GENERATION_ANNOTATION];
  return (hash !== '' && labels[HASH_LABEL] === hash) || (generation !== undefined && labels[GENERATION_LABEL] === generation);
}

/** Daemon pods stay on nodes in trouble. */
function withDaemonTolerations(tolerations: readonly Toleration[], hostNetwork: boolean): Toleration[] {
  const wanted: [key: string, effect: string][] = [
    ['not-ready', 'NoExecute'], ['unreachable', 'NoExecute'], ['disk-pressure', 'NoSchedule'], ['memory-pressure', 'NoSchedule'], ['pid-pressure', 'NoSchedule'],
    ['unschedulable', 'NoSchedule'], ...(hostNetwork ? [['network-unavailable', 'NoSchedule'] as [string, string]] : []),
  ];
  const result = [...tolerations];
  for (const [name, effect] of wanted) {
    const toleration = { key: `node.kubernetes.io/${name}`, operator: 'Exists', effect };
    const same = result.findIndex((known) => known.key === toleration.key && known.effect === effect && known.operator === 'Exists' && !known.value);
    if (same >= 0) result[same] = toleration; else result.push(toleration);
  }
  return result;
}

/** The scheduler places it, but only there: by a match on the node's name, in each term. */
function pinnedTo(affinity: Affinity | undefined, nodeName: string): Affinity {
  const term: NodeSelectorTerm = { matchFields: [{ key: NODE_NAME_FIELD, operator: 'In', values: [nodeName] }] };
  return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } };
}

/** The node that the pod is on, or meant for; undefined when it says neither. */
export function targetNode(pod: Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  for (const term of pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []) {
    const field = term.matchFields?.find((requirement) => requirement.key === NODE_NAME_FIELD && requirement.operator === 'In');
    if (field?.values?.length === 1) return field.values[0];
  }
  return undefined;
}

export function byNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const map = new Map<string, Pod[]>();
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined && isPodTerminal(pod)) continue;
    const node = targetNode(pod);
    if (node !== undefined) map.set(node, [...(map.get(node) ?? []), pod]);
  }
  return map;
}

export interface Belonging { readonly shouldRun: boolean; readonly mayContinue: boolean }

/** Whether a daemon pod should start on this node, and whether one that runs may stay. */
export function belongs(set: DaemonSet, node: Node): Belonging {
  const spec = set.spec!.template.spec!;
  const no = { shouldRun: false, mayContinue: false };
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return no;
  const tolerations = withDaemonTolerations(spec.tolerations ?? [], spec.hostNetwork === true);
  if (!podMatchesNode({ metadata: {}, spec }, node)) return no;
  const taints = node.spec?.taints;
  if (untoleratedTaint(taints, tolerations, ['NoExecute', 'NoSchedule']) === undefined) return { shouldRun: true, mayContinue: true };
  return { shouldRun: false, mayContinue: untoleratedTaint(taints, tolerations, ['NoExecute']) === undefined };
}
