/** The rules of `resources`: names, quantities, requests within limits, and claims. */
import type { PodSpec, ResourceClaim, ResourceRequirements } from '#api/generated/core/v1';
import { notFound } from '#machinery/field-error';
import { dns1123LabelFaults } from '#machinery/names';
import { compareQuantities, formatQuantity, parseQuantity } from '#machinery/quantity';
import { containerTotals } from '#semantics/pod-resources';
import { isHugePages, isNativeResource, isOvercommitAllowed, isPodLevelResource } from '#semantics/resource-names';
import type { Faults } from './faults.ts';
import type { PodRules } from './pod-rules.ts';
import {
  checkQuantityOf, checkResourceName, compareTexts, hugePagesText, isExtendedResource, isStandardContainerResource,
} from './resource-lists.ts';

export function checkContainerResourceName(name: string, place: string, faults: Faults): void {
  checkResourceName(name, place, faults);
  if (!name.includes('/')) {
    if (!isStandardContainerResource(name)) faults.invalid(place, name, 'must be a standard resource for containers');
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    faults.invalid(place, name, "doesn't follow extended resource name standard");
  }
}

function checkPodResourceName(name: string, place: string, faults: Faults): void {
  if (checkResourceName(name, place, faults) && !isPodLevelResource(name)) faults.notSupported(place, name, ['cpu', 'hugepages-', 'memory']);
}

export function checkContainerResources(resources: ResourceRequirements, claimNames: ReadonlySet<string>, place: string, faults: Faults,
  anyHugePages: boolean): void {
  checkRequirements(resources, checkContainerResourceName, claimNames, place, faults, anyHugePages);
}

function checkRequirements(resources: ResourceRequirements, checkName: (name: string, place: string, faults: Faults) => void,
  claimNames: ReadonlySet<string>, place: string, faults: Faults, anyHugePages: boolean): void {
  const limits = resources.limits ?? {};
  const requests = resources.requests ?? {};
  const checkOne = (name: string, text: string, at: string): void => {
    checkName(name, at, faults);
    checkQuantityOf(name, text, at, faults);
  };
  const checkPages = (name: string, text: string, at: string): void => {
    const fault = isHugePages(name) && !anyHugePages ? hugePagesText(name, text) : undefined;
    if (fault) faults.invalid(at, text, fault);
  };
  for (const [name, text] of Object.entries(limits)) {
    const at = `${place}.limits[${name}]`;
    checkOne(name, text, at);
    checkPages(name, text, at);
  }
  for (const [name, text] of Object.entries(requests)) {
    const at = `${place}.requests[${name}]`;
    checkOne(name, text, at);
    const limit = limits[name];
    if (limit !== undefined) {
      const order = compareTexts(text, limit);
      if (order !== 0 && !isOvercommitAllowed(name)) faults.invalid(`${place}.requests`, text, `must be equal to ${name} limit of ${limit}`);
      else if (order > 0) faults.invalid(`${place}.requests`, text, `must be less than or equal to ${name} limit of ${limit}`);
    } else if (!isOvercommitAllowed(name)) {
      faults.required(`${place}.limits`, 'Limit must be set for non overcommitable resources');
    }
    checkPages(name, text, at);
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) faults.forbidden(place, 'HugePages require cpu or memory');
  checkClaims(resources.claims ?? [], claimNames, `${place}.claims`, faults);
}

function checkClaims(claims: readonly ResourceClaim[], claimNames: ReadonlySet<string>, place: string, faults: Faults): void {
  const seen = new Set<string>();
  for (const [index, { name, request }] of claims.entries()) {
    const at = `${place}[${index}]`;
    if (!name) {
      faults.required(at);
      continue;
    }
    if (seen.has(name)) {
      faults.duplicate(at, name);
    } else {
      const key = request ? `${name}/${request}` : name;
      if (request) faults.invalidAll(`${at}.request`, request, dns1123LabelFaults(request));
      if (seen.has(key)) faults.duplicate(at, key);
      else if (!request) for (const other of seen) if (other.startsWith(`${name}/`)) faults.duplicate(at, name);
      seen.add(key);
    }
    if (!claimNames.has(name)) {
      const known = claimNames.size === 0 ? ' which is empty' : `: ${[...claimNames].sort().join(', ')}`;
      const fault = notFound(at, name);
      faults.add([{ ...fault, message: `${fault.message}: must be one of the names in pod.spec.resourceClaims${known}` }]);
    }
  }
}

/** Resources of the pod as a whole. */
export function checkPodResources(spec: PodSpec, claimNames: ReadonlySet<string>, place: string, faults: Faults, rules: PodRules): void {
  const resources = spec.resources;
  if (!resources) return;
  if (spec.os?.name === 'windows') return faults.forbidden(place, 'may not be set for a windows pod');
  if (resources.claims) faults.forbidden(`${place}.claims`, 'claims may not be set for Resources at pod-level');
  checkRequirements(resources, checkPodResourceName, claimNames, place, faults, rules.tolerated.indivisibleHugePages);
  for (const [name, sum] of Object.entries(containerTotals({ spec }, 'requests'))) {
    const own = resources.requests?.[name];
    if (own !== undefined && compareQuantities(sum, parseQuantity(own)) > 0) {
      faults.invalid(`${place}.requests[${name}]`, own, `must be greater than or equal to aggregate container requests of ${formatQuantity(sum)}`);
    }
  }
  for (const [name, sum] of Object.entries(containerTotals({ spec }, 'limits'))) {
    const own = resources.limits?.[name];
    if (isHugePages(name) && own !== undefined && compareQuantities(sum, parseQuantity(own)) > 0) {
      faults.invalid(`${place}.limits[${name}]`, own, `must be greater than or equal to aggregate container limits of ${formatQuantity(sum)}`);
    }
  }
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const own = resources.limits?.[name];
      if (own !== undefined && compareTexts(limit, own) > 0) {
        faults.invalid(`${place}.containers[${index}][${name}].limits`, limit, `must be less than or equal to pod limits of ${own}`);
      }
    }
  }
}
