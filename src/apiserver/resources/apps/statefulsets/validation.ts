/** The rules of stateful sets. Their claim templates become volumes of the template before it is checked. */
import type { StatefulSet, StatefulSetSpec } from '#api/generated/apps/v1';
import type { PodTemplateSpec } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123LabelFaults } from '#machinery/names';
import { checkClaimSpec } from '../../rules/claim-spec.ts';
import { Faults } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkAnnotations, checkLabels } from '../../rules/metadata.ts';
import { checkPodAnnotations } from '../../rules/pod-annotations.ts';
import { checkPodTemplate } from '../../rules/pod-spec.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import {
  checkAtMost100Percent, checkIntOrPercent, checkNonNegativeFields, checkRestartsForever, checkTemplateMatches, checkWorkloadSelector,
  isZeroIntOrPercent, readSelector,
} from '../../rules/workloads.ts';

export interface StatefulSetTolerance {
  readonly anyServiceName?: boolean;
  readonly anyTemplate?: boolean;
  readonly anyClaimTemplates?: boolean;
}

export function checkStatefulSetSpec(spec: StatefulSetSpec, faults: Faults, rules: PodRules, tolerance: StatefulSetTolerance): void {
  const policy = spec.podManagementPolicy;
  if (!policy) faults.required('spec.podManagementPolicy');
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') faults.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'");
  checkUpdateStrategy(spec, faults);
  for (const field of ['whenDeleted', 'whenScaled'] as const) {
    if (!spec.persistentVolumeClaimRetentionPolicy) continue;
    faults.strictlyOneOf(`spec.persistentVolumeClaimRetentionPolicy.${field}`, spec.persistentVolumeClaimRetentionPolicy[field], ['Retain', 'Delete']);
  }
  if (!tolerance.anyClaimTemplates) {
    for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries()) checkClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${index}].spec`, faults);
  }
  checkNonNegativeFields(spec, ['replicas', 'minReadySeconds'], 'spec', faults);
  checkNonNegativeFields(spec.ordinals, ['start'], 'spec.ordinals', faults);
  if (spec.serviceName && !tolerance.anyServiceName) faults.invalidAll('spec.serviceName', spec.serviceName, dns1123LabelFaults(spec.serviceName));
  checkWorkloadSelector(spec.selector, 'statefulset', 'spec.selector', faults);
  checkTemplate(spec, faults, rules, tolerance);
  checkRestartsForever(spec.template ?? {}, 'StatefulSet', 'spec.template', faults);
}

function checkUpdateStrategy({ updateStrategy: strategy = {} }: StatefulSetSpec, faults: Faults): void {
  const rolling = strategy.rollingUpdate;
  const place = 'spec.updateStrategy.rollingUpdate';
  if (!strategy.type) return faults.required('spec.updateStrategy');
  if (strategy.type === 'OnDelete') {
    if (rolling) faults.invalid(place, goJsonOf('apps/v1.RollingUpdateStatefulSetStrategy', { partition: 0, ...rolling }), "only allowed for updateStrategy 'RollingUpdate'");
  } else if (strategy.type !== 'RollingUpdate') {
    faults.invalid('spec.updateStrategy', goJsonOf('apps/v1.StatefulSetUpdateStrategy', strategy), "must be 'RollingUpdate' or 'OnDelete'");
  } else if (rolling) {
    checkNonNegativeFields(rolling, ['partition'], place, faults);
    if (rolling.maxUnavailable === undefined) return;
    checkIntOrPercent(rolling.maxUnavailable, `${place}.maxUnavailable`, faults);
    if (isZeroIntOrPercent(rolling.maxUnavailable)) faults.invalid(`${place}.maxUnavailable`, rolling.maxUnavailable, 'cannot be 0');
    checkAtMost100Percent(rolling.maxUnavailable, `${place}.maxUnavailable`, faults);
  }
}

function checkTemplate(spec: StatefulSetSpec, faults: Faults, rules: PodRules, tolerance: StatefulSetTolerance): void {
  const requirements = readSelector(spec.selector);
  if (requirements === undefined) return faults.invalid('spec.selector', goJsonOf('meta/v1.LabelSelector', spec.selector), '');
  const template = asPodsGetIt(spec);
  const place = 'spec.template';
  checkTemplateMatches(template, requirements, place, faults);
  if (!tolerance.anyTemplate) checkPodTemplate(template, place, faults, rules);
  checkLabels(template.metadata?.labels, `${place}.labels`, faults);
  checkAnnotations(template.metadata?.annotations, `${place}.annotations`, faults);
  checkPodAnnotations(template.metadata?.annotations, template.spec ?? { containers: [] }, `${place}.annotations`, faults, rules);
}

/** Hostname and subdomain are the controller's; a claim template takes the place of a volume of its name. */
function asPodsGetIt(spec: StatefulSetSpec): PodTemplateSpec {
  const template = spec.template ?? {};
  if (!template.spec) return template;
  const { hostname: _hostname, subdomain: _subdomain, ...podSpec } = template.spec;
  const claims = new Map((spec.volumeClaimTemplates ?? []).map((claim) => {
    const name = claim.metadata?.name ?? '';
    return [name, { name, persistentVolumeClaim: { claimName: name } }];
  }));
  const volumes = [...claims.values(), ...(podSpec.volumes ?? []).filter((volume) => !claims.has(volume.name))];
  return { ...template, spec: { ...podSpec, ...(volumes.length > 0 ? { volumes } : {}) } };
}

const MUTABLE = ['replicas', 'template', 'updateStrategy', 'minReadySeconds', 'ordinals', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy'] as const;

export function checkStatefulSetChange(set: StatefulSet, old: StatefulSet, faults: Faults, rules: PodRules): void {
  const immutable = { anyServiceName: true, anyClaimTemplates: true };
  // A stored set that was bad already may keep its template.
  const before = new Faults();
  checkStatefulSetSpec(old.spec!, before, rules, immutable);
  checkStatefulSetSpec(set.spec!, faults, rules, { ...immutable, anyTemplate: before.count > 0 });
  const rest = Object.fromEntries(Object.entries(set.spec!).filter(([field]) => !(MUTABLE as readonly string[]).includes(field)));
  const oldRest = Object.fromEntries(Object.entries(old.spec!).filter(([field]) => !(MUTABLE as readonly string[]).includes(field)));
  if (!semanticEqual(rest, oldRest)) {
    faults.forbidden('spec', "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
      + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
  }
}
