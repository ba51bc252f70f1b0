/**
 * Removes from a pod spec the fields whose feature gate is off, unless the stored spec already uses them.
 *
 * A table per gate: is the field in use, and how is it taken out.
 */
import type { PodSpec, PodTemplateSpec } from '#api/generated/core/v1';
import { allContainers } from './pod-defaults.ts';

interface Gates { featureEnabled(gate: string): boolean }

interface GatedField {
  readonly gate: string;
  isUsed(spec: PodSpec): boolean;
  drop(spec: PodSpec): void;
}

const projections = (spec: PodSpec) => (spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);
const fileRefs = (spec: PodSpec) => allContainers(spec).flatMap((container) => container.env ?? []).filter((variable) => variable.valueFrom?.fileKeyRef);

const GATED_FIELDS: readonly GatedField[] = [
  {
    gate: 'PodLevelResources',
    isUsed: (spec) => Object.keys(spec.resources?.requests ?? {}).length + Object.keys(spec.resources?.limits ?? {}).length > 0,
    drop: (spec) => delete spec.resources,
  },
  {
    gate: 'MatchLabelKeysInPodTopologySpread',
    isUsed: (spec) => (spec.topologySpreadConstraints ?? []).some((constraint) => constraint.matchLabelKeys?.length),
    drop: (spec) => { for (const constraint of spec.topologySpreadConstraints ?? []) delete constraint.matchLabelKeys; },
  },
  {
    gate: 'ClusterTrustBundleProjection',
    isUsed: (spec) => projections(spec).some((source) => source.clusterTrustBundle),
    drop: (spec) => { for (const source of projections(spec)) delete source.clusterTrustBundle; },
  },
  {
    gate: 'PodCertificateRequest',
    isUsed: (spec) => projections(spec).some((source) => source.podCertificate),
    drop: (spec) => { for (const source of projections(spec)) delete source.podCertificate; },
  },
  { gate: 'GenericWorkload', isUsed: (spec) => spec.schedulingGroup !== undefined, drop: (spec) => delete spec.schedulingGroup },
  {
    gate: 'ContainerRestartRules',
    isUsed: (spec) => [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
      .some((container) => container.restartPolicyRules?.length || (container.restartPolicy !== undefined && container.restartPolicy !== 'Always')),
    drop: (spec) => {
      for (const container of spec.containers ?? []) {
        delete container.restartPolicy;
        delete container.restartPolicyRules;
      }
      for (const container of spec.initContainers ?? []) delete container.restartPolicyRules;
    },
  },
  { gate: 'HostnameOverride', isUsed: (spec) => spec.hostnameOverride !== undefined, drop: (spec) => delete spec.hostnameOverride },
  {
    gate: 'EnvFiles', isUsed: (spec) => fileRefs(spec).length > 0,
    drop: (spec) => { for (const variable of fileRefs(spec)) delete variable.valueFrom!.fileKeyRef; },
  },
  {
    gate: 'ContainerStopSignals',
    isUsed: (spec) => allContainers(spec).some((container) => container.lifecycle?.stopSignal !== undefined),
    drop: (spec) => {
      for (const container of allContainers(spec)) {
        if (container.lifecycle?.stopSignal === undefined) continue;
        delete container.lifecycle.stopSignal;
        if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
      }
    },
  },
];

export function dropDisabledPodFields(spec: PodSpec | undefined, old: PodSpec | undefined, gates: Gates): void {
  if (!spec) return;
  for (const field of GATED_FIELDS) {
    if (!gates.featureEnabled(field.gate) && !(old && field.isUsed(old))) field.drop(spec);
  }
}

export function dropDisabledTemplateFields(template: PodTemplateSpec | undefined, old: PodTemplateSpec | undefined, gates: Gates): void {
  dropDisabledPodFields(template?.spec, old?.spec, gates);
}
