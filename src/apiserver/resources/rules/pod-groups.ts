/** What pod groups and the templates in workloads share: policy, constraints, claims, priority. */
import type { PodGroupResourceClaim, PodGroupSpec, PodGroupTemplate } from '#api/generated/scheduling/v1alpha2';
import { dns1123LabelFaults, dns1123SubdomainFaults, qualifiedNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';

const CLAIMS_MAX = 4;
const CONSTRAINTS_MAX = 1;
const PRIORITY_MAX = 1_000_000_000;
export const DISRUPTION_MODES = ['Pod', 'PodGroup'];

type Group = Pick<PodGroupSpec & PodGroupTemplate, 'schedulingPolicy' | 'schedulingConstraints' | 'resourceClaims' | 'disruptionMode' | 'priorityClassName' | 'priority'>;

const GATED = [
  ['schedulingConstraints', 'TopologyAwareWorkloadScheduling'], ['resourceClaims', 'DRAWorkloadResourceClaims'],
  ['disruptionMode', 'WorkloadAwarePreemption'], ['priorityClassName', 'WorkloadAwarePreemption'], ['priority', 'WorkloadAwarePreemption'],
] as const;

/** Drops what is switched off, unless the stored group uses it. */
export function dropDisabledGroupFields(group: Partial<Group> | undefined, old: Partial<Group> | undefined, isOn: (gate: string) => boolean): void {
  if (!group) return;
  for (const [field, gate] of GATED) {
    const used = old?.[field];
    if (!isOn(gate) && (used === undefined || used === '' || (Array.isArray(used) && used.length === 0))) delete group[field];
  }
}

export function checkOneOf(members: Readonly<Record<string, unknown>>, place: string, faults: Faults): void {
  const names = Object.keys(members).map((name) => `\`${name}\``).join(', ');
  const set = Object.entries(members).filter(([, value]) => value !== undefined).map(([name]) => name);
  if (set.length === 0) faults.invalid(place, '', `must specify one of: ${names}`);
  else if (set.length > 1) faults.invalid(place, `{${set.join(', ')}}`, `must specify exactly one of: ${names}`);
}

export function checkGroup(group: Partial<Group>, place: string, faults: Faults): void {
  const { basic, gang } = group.schedulingPolicy ?? {};
  checkOneOf({ basic, gang }, `${place}.schedulingPolicy`, faults);
  if (gang) {
    const count = gang.minCount ?? 0;
    if (count === 0) faults.required(`${place}.schedulingPolicy.gang.minCount`);
    else if (count < 1) faults.invalid(`${place}.schedulingPolicy.gang.minCount`, count, 'must be greater than or equal to 1');
  }
  checkConstraints(group, `${place}.schedulingConstraints.topology`, faults);
  checkClaims(group.resourceClaims ?? [], `${place}.resourceClaims`, faults);
  if (group.disruptionMode !== undefined) faults.strictlyOneOf(`${place}.disruptionMode`, group.disruptionMode, DISRUPTION_MODES);
  if (group.priorityClassName) faults.invalidAll(`${place}.priorityClassName`, group.priorityClassName, dns1123SubdomainFaults(group.priorityClassName));
  const priority = group.priority ?? 0;
  if (priority > PRIORITY_MAX) faults.invalid(`${place}.priority`, priority, `must be less than or equal to ${PRIORITY_MAX}`);
}

function checkConstraints(group: Partial<Group>, place: string, faults: Faults): void {
  const topology = group.schedulingConstraints?.topology ?? [];
  if (topology.length > CONSTRAINTS_MAX) return faults.tooMany(place, topology.length, CONSTRAINTS_MAX);
  for (const [index, { key }] of topology.entries()) {
    if (!key) faults.required(`${place}[${index}].key`);
    else faults.invalidAll(`${place}[${index}].key`, key, qualifiedNameFaults(key));
  }
}

function checkClaims(claims: readonly PodGroupResourceClaim[], place: string, faults: Faults): void {
  if (claims.length > CLAIMS_MAX) return faults.tooMany(place, claims.length, CLAIMS_MAX);
  checkUnique(claims, place, faults);
  for (const [index, { name, resourceClaimName, resourceClaimTemplateName }] of claims.entries()) {
    const at = `${place}[${index}]`;
    checkOneOf({ resourceClaimName, resourceClaimTemplateName }, at, faults);
    if (!name) faults.required(`${at}.name`);
    else faults.invalidAll(`${at}.name`, name, dns1123LabelFaults(name));
    for (const [field, value] of [['resourceClaimName', resourceClaimName], ['resourceClaimTemplateName', resourceClaimTemplateName]] as const) {
      if (value !== undefined) faults.invalidAll(`${at}.${field}`, value, dns1123SubdomainFaults(value));
    }
  }
}

export function checkUnique(items: readonly { readonly name?: string }[], place: string, faults: Faults): void {
  const names = new Set<string>();
  for (const [index, item] of items.entries()) {
    const name = item.name ?? '';
    if (names.has(name)) faults.duplicate(`${place}[${index}]`, item);
    names.add(name);
  }
}
