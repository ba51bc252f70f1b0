/** NoSchedule taints and labels that follow from what a node says of itself. Pure. */
import type { Node, Taint } from '#api/generated/core/v1';

const BY_CONDITION: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: 'node.kubernetes.io/not-ready', Unknown: 'node.kubernetes.io/unreachable' },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
};
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const OURS = new Set([UNSCHEDULABLE, ...Object.values(BY_CONDITION).flatMap((byStatus) => Object.values(byStatus))]);

/** What to add and to remove so that the NoSchedule taints agree with conditions and `unschedulable`. */
export function conditionTaints(node: Node): { add: Pick<Taint, 'key' | 'effect'>[]; remove: Pick<Taint, 'key' | 'effect'>[] } {
  const wanted = new Set((node.status?.conditions ?? []).map((condition) => BY_CONDITION[condition.type]?.[condition.status]).filter((key) => key !== undefined));
  if (node.spec?.unschedulable === true) wanted.add(UNSCHEDULABLE);
  const present = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'NoSchedule' && OURS.has(taint.key)).map((taint) => taint.key);
  return {
    add: [...wanted].filter((key) => !present.includes(key)).map((key) => ({ key, effect: 'NoSchedule' })),
    remove: present.filter((key) => !wanted.has(key)).map((key) => ({ key, effect: 'NoSchedule' })),
  };
}

const MIRRORED: readonly (readonly [from: string, to: string])[] = [['kubernetes.io/os', 'beta.kubernetes.io/os'], ['kubernetes.io/arch', 'beta.kubernetes.io/arch']];

/** The old spellings of labels, where they are missing or wrong. */
export function oldLabels(node: Node): Record<string, string> {
  const labels = node.metadata.labels ?? {};
  return Object.fromEntries(MIRRORED.filter(([from, to]) => labels[from] !== undefined && labels[to] !== labels[from]).map(([from, to]) => [to, labels[from]!]));
}
