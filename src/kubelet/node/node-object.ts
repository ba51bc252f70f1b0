/**
 * The Node object of this machine: as registered, and its status. Pure.
 */
import type { Node, NodeAddress, NodeCondition, NodeStatus } from '#api/generated/core/v1';
import { formatQuantity, newMilliQuantity, newQuantity, parseQuantity, quantityMilliValue, quantityValue } from '#machinery/quantity';
import type { KubeletConfig } from '../config.ts';
import type { RuntimeImage } from '../cri/contract.ts';
import { goArchitecture } from '../images/oci-image.ts';
import type { MachineFacts } from './machine.ts';

export interface NodeFacts {
  machine: MachineFacts;
  ephemeralStorageBytes: number;
  images: readonly RuntimeImage[];
  handlers: readonly { name: string; recursiveReadOnlyMounts: boolean; userNamespaces: boolean }[];
  supplementalGroupsPolicy: boolean;
  volumesInUse: readonly string[];
  extraCapacity: Readonly<Record<string, string>>;
}

export type PressureKind = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

const IMAGES_MAX = 50;
const NAMES_PER_IMAGE_MAX = 5;

export function newNode(config: KubeletConfig): Node {
  const arch = goArchitecture();
  return {
    apiVersion: 'v1', kind: 'Node',
    metadata: {
      name: config.nodeName,
      labels: {
        'beta.kubernetes.io/arch': arch, 'beta.kubernetes.io/os': 'linux', 'kubernetes.io/arch': arch, 'kubernetes.io/hostname': config.hostname, 'kubernetes.io/os': 'linux',
        ...config.nodeLabels,
      },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: config.registerWithTaints.length === 0 ? {} : { taints: config.registerWithTaints.map((taint) => ({ ...taint })) },
  };
}

export function nodeStatus(config: KubeletConfig, facts: NodeFacts, conditions: NodeCondition[]): NodeStatus {
  const capacity = capacityOf(config, facts);
  return {
    addresses: addressesOf(config), capacity, allocatable: allocatableOf(config, capacity), conditions,
    daemonEndpoints: { kubeletEndpoint: { Port: config.port } },
    nodeInfo: facts.machine.info,
    images: facts.images.slice(0, IMAGES_MAX).map((image) => ({ names: [...image.repoDigests, ...image.repoTags].slice(0, NAMES_PER_IMAGE_MAX), sizeBytes: image.sizeBytes })),
    ...(facts.volumesInUse.length === 0 ? {} : { volumesInUse: [...facts.volumesInUse] }),
    ...(facts.handlers.length === 0 ? {} : { runtimeHandlers: facts.handlers.map(({ name, ...features }) => ({ name, features })) }),
    features: { supplementalGroupsPolicy: facts.supplementalGroupsPolicy },
  };
}

function addressesOf(config: KubeletConfig): NodeAddress[] {
  return [...config.nodeIps.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: config.hostname }];
}

export function capacityOf(config: KubeletConfig, facts: Pick<NodeFacts, 'machine' | 'ephemeralStorageBytes' | 'extraCapacity'>): Record<string, string> {
  return {
    cpu: String(facts.machine.cpus), 'ephemeral-storage': `${Math.floor(facts.ephemeralStorageBytes / 1024)}Ki`, ...facts.machine.hugePages,
    memory: `${Math.floor(facts.machine.memoryBytes / 1024)}Ki`, pods: String(config.maxPods), ...facts.extraCapacity,
  };
}

/** Capacity less what is reserved, and less what eviction keeps free of memory and disk. */
export function allocatableOf(config: KubeletConfig, capacity: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, number> = {
    memory: thresholdOf(config.evictionHard['memory.available'], quantityValue(parseQuantity(capacity['memory'] ?? '0'))),
    'ephemeral-storage': thresholdOf(config.evictionHard['nodefs.available'], quantityValue(parseQuantity(capacity['ephemeral-storage'] ?? '0'))),
  };
  return Object.fromEntries(Object.entries(capacity).map(([name, text]) => {
    const reserved = config.reserved[name] === undefined ? 0 : quantityMilliValue(parseQuantity(config.reserved[name]!)) / 1000;
    const takeAway = reserved + (kept[name] ?? 0);
    if (takeAway === 0) return [name, text];
    const left = Math.max(0, quantityMilliValue(parseQuantity(text)) / 1000 - takeAway);
    if (name === 'cpu') return [name, formatQuantity(newMilliQuantity(Math.floor(left * 1000)))];
    return [name, name === 'memory' ? `${Math.floor(left / 1024)}Ki` : formatQuantity(newQuantity(Math.floor(left)))];
  }));
}

/** `100Mi` or `10%` of the capacity, in units of it. */
export function thresholdOf(threshold: string | undefined, capacity: number): number {
  if (threshold === undefined) return 0;
  return threshold.endsWith('%') ? Math.floor((capacity * Number(threshold.slice(0, -1))) / 100) : quantityValue(parseQuantity(threshold));
}

const PRESSURE_TEXTS: Readonly<Record<PressureKind, { no: [string, string]; yes: [string, string] }>> = {
  MemoryPressure: { no: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'], yes: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'] },
  DiskPressure: { no: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'], yes: ['KubeletHasDiskPressure', 'kubelet has disk pressure'] },
  PIDPressure: { no: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'], yes: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'] },
};

/** Transition times are kept from the old conditions where the status is the same. */
export function nodeConditions(pressures: ReadonlySet<PressureKind>, faults: readonly string[], old: readonly NodeCondition[], now: string): NodeCondition[] {
  const make = (type: string, status: 'True' | 'False', reason: string, message: string): NodeCondition => {
    const before = old.find((condition) => condition.type === type);
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: before?.status === status && before.lastTransitionTime !== undefined ? before.lastTransitionTime : now, reason, message };
  };
  const pressure = (kind: PressureKind): NodeCondition => {
    const texts = pressures.has(kind) ? PRESSURE_TEXTS[kind].yes : PRESSURE_TEXTS[kind].no;
    return make(kind, pressures.has(kind) ? 'True' : 'False', texts[0], texts[1]);
  };
  return [
    pressure('MemoryPressure'), pressure('DiskPressure'), pressure('PIDPressure'),
    faults.length === 0 ? make('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status')
      : make('Ready', 'False', 'KubeletNotReady', faults.length === 1 ? faults[0]! : `[${faults.join(', ')}]`),
  ];
}
