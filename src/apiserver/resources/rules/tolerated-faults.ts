/** Which rules apply to a pod or a template: the gates, and what the stored one has already that would be refused today. */
import type { PodSpec, PodTemplateSpec } from '#api/generated/core/v1';
import type { ObjectMeta } from '#machinery/meta';
import { labelValueFaults } from '#machinery/names';
import { hasInvalidLabelValue } from '#machinery/validation/label-selector';
import { Faults } from './faults.ts';
import { allContainers } from './pod-defaults.ts';
import type { PodRules, ToleratedFaults } from './pod-rules.ts';
import { hasIndivisibleHugePages } from './resource-lists.ts';
import { isHostSysctl } from './security-context.ts';
import { checkMatchLabelKeys } from './topology-spread.ts';

interface Gates { featureEnabled(gate: string): boolean }

const NOTHING: ToleratedFaults = {
  badDeletionCost: false, badSelectorValues: false, badNodeAffinityValues: false, indivisibleHugePages: false, badSpreadSelector: false,
  badSpreadLabelKeys: false, nonLocalTokenPath: false, hostSysctls: false, seLinuxChangePolicy: false, comparingTolerations: false, devicesWithUserNamespace: false,
  restartOnResizeOfInitContainers: false,
};

export function podRules(context: Gates, isPod: boolean, old?: { readonly metadata?: ObjectMeta; readonly spec?: PodSpec }): PodRules {
  return { isPod, gate: (name) => context.featureEnabled(name), tolerated: old?.spec ? toleratedIn(old.spec, old.metadata) : NOTHING };
}

export function templateRules(context: Gates, old?: PodTemplateSpec): PodRules {
  return podRules(context, false, old);
}

/** A pod may say how much its deletion costs: a 32-bit integer without plus sign or leading zeros. */
export function isDeletionCost(text: string | undefined): boolean {
  if (text === undefined) return true;
  return /^(0|[1-9]\d*|-\d+)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;
}

function toleratedIn(spec: PodSpec, meta: ObjectMeta | undefined): ToleratedFaults {
  const { podAffinity, podAntiAffinity, nodeAffinity } = spec.affinity ?? {};
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ]);
  const spreads = spec.topologySpreadConstraints ?? [];
  return {
    badDeletionCost: !isDeletionCost(meta?.annotations?.['controller.kubernetes.io/pod-deletion-cost']),
    badSelectorValues: terms.some((term) => hasInvalidLabelValue(term.labelSelector) || hasInvalidLabelValue(term.namespaceSelector)),
    badNodeAffinityValues: (nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [])
      .some((term) => (term.matchExpressions ?? []).some((match) => (match.values ?? []).some((value) => labelValueFaults(value).length > 0))),
    indivisibleHugePages: allContainers(spec).some((container) => hasIndivisibleHugePages(container.resources)),
    badSpreadSelector: spreads.some((spread) => hasInvalidLabelValue(spread.labelSelector)),
    badSpreadLabelKeys: spreads.some((spread) => {
      const faults = new Faults();
      checkMatchLabelKeys(spread.matchLabelKeys, undefined, spread.labelSelector, '', faults);
      return faults.count > 0;
    }),
    nonLocalTokenPath: (spec.volumes ?? []).some((volume) => (volume.projected?.sources ?? [])
      .some((source) => /^\/|(^|\/)\.\.(\/|$)|^\.\./.test(source.serviceAccountToken?.path ?? ''))),
    hostSysctls: (spec.securityContext?.sysctls ?? []).some((sysctl) => isHostSysctl(sysctl.name, spec)),
    seLinuxChangePolicy: spec.securityContext?.seLinuxChangePolicy !== undefined,
    comparingTolerations: (spec.tolerations ?? []).some((toleration) => toleration.operator === 'Lt' || toleration.operator === 'Gt'),
    devicesWithUserNamespace: spec.hostUsers === false && allContainers(spec).some((container) => (container.volumeDevices ?? []).length > 0),
    restartOnResizeOfInitContainers: (spec.initContainers ?? []).some((container) => container.restartPolicy !== 'Always'
      && (container.resizePolicy ?? []).some((policy) => policy.restartPolicy === 'RestartContainer')),
  };
}
