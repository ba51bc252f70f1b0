/** LimitRanges: defaults for containers' resources, and the bounds that pods, containers and claims must keep. */
import { limitranges, type Container, type LimitRange, type LimitRangeItem, type PersistentVolumeClaim, type Pod } from '#api/generated/core/v1';
import { compareQuantities, formatQuantity, parseQuantity, quantityValue, type Quantity } from '#machinery/quantity';
import { parseAmounts, podLimits, podRequests, type ResourceAmounts } from '#semantics/pod-resources';
import type { AdmissionDependencies } from './dependencies.ts';
import { freshLister } from './fresh-lister.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

export function limitRanger(dependencies: AdmissionDependencies): AdmissionPlugin {
  const listRanges = freshLister(dependencies, limitranges);
  const rangesOf = async (attributes: AdmissionAttributes): Promise<LimitRange[]> =>
    [...await listRanges(attributes.namespace, attributes)].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
  return {
    name: 'LimitRanger',
    async admit(attributes) {
      if (!applies(attributes) || attributes.info.resource !== 'pods') return;
      for (const range of await rangesOf(attributes)) applyDefaults(range, attributes.object as Pod);
    },
    async validate(attributes) {
      if (!applies(attributes)) return;
      for (const range of await rangesOf(attributes)) {
        const faults = attributes.info.resource === 'pods'
          ? podFaults(range, attributes.object as Pod)
          : claimFaults(range, attributes.object as PersistentVolumeClaim);
        const distinct = [...new Set(faults)];
        if (distinct.length > 0) throw refused(attributes, distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`);
      }
    },
  };
}

function applies(attributes: AdmissionAttributes): boolean {
  const { operation, oldObject } = attributes;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
  if (oldObject?.metadata.deletionTimestamp !== undefined) return false;
  if (isAbout(attributes, '', 'pods', 'resize')) return operation === 'UPDATE';
  if (isAbout(attributes, '', 'pods')) return operation === 'CREATE';
  return isAbout(attributes, '', 'persistentvolumeclaims');
}

function applyDefaults(range: LimitRange, pod: Pod): void {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    Object.assign(requests, item.defaultRequest);
    Object.assign(limits, item.default);
  }
  const notes: string[] = [];
  const fill = (container: Container, kind: string): void => {
    const added = (target: 'requests' | 'limits', defaults: Record<string, string>): string[] => {
      const missing = Object.keys(defaults).filter((name) => container.resources?.[target]?.[name] === undefined).sort();
      if (missing.length === 0) return [];
      container.resources ??= {};
      const list = container.resources[target] ??= {};
      for (const name of missing) list[name] = defaults[name]!;
      return missing;
    };
    const setLimits = added('limits', limits);
    const setRequests = added('requests', requests);
    if (setRequests.length > 0) notes.push(`${setRequests.join(', ')} request for ${kind} ${container.name}`);
    if (setLimits.length > 0) notes.push(`${setLimits.join(', ')} limit for ${kind} ${container.name}`);
  };
  for (const container of pod.spec?.containers ?? []) fill(container, 'container');
  for (const container of pod.spec?.initContainers ?? []) fill(container, 'init container');
  if (notes.length > 0) (pod.metadata.annotations ??= {})[ANNOTATION] = `LimitRanger plugin set: ${notes.join('; ')}`;
}

function podFaults(range: LimitRange, pod: Pod): string[] {
  const faults: string[] = [];
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  for (const item of range.spec?.limits ?? []) {
    if (item.type === 'Container') {
      for (const { resources } of containers) faults.push(...itemFaults(item, parseAmounts(resources?.requests), parseAmounts(resources?.limits)));
    } else if (item.type === 'Pod') {
      faults.push(...itemFaults(item, podRequests(pod, { withoutOverhead: true }), podLimits({ ...pod, spec: { ...pod.spec!, overhead: {} } })));
    }
  }
  return faults;
}

function claimFaults(range: LimitRange, claim: PersistentVolumeClaim): string[] {
  const requests = parseAmounts(claim.spec?.resources?.requests);
  return (range.spec?.limits ?? []).filter((item) => item.type === 'PersistentVolumeClaim').flatMap((item) => [
    ...each(item.min, (name, bound) => minimum(item.type, name, bound, requests[name], undefined)),
    ...each(item.max, (name, bound) => {
      const request = requests[name];
      const what = `maximum ${name} usage per ${item.type} is ${formatQuantity(bound)}`;
      if (request === undefined) return `${what}.  No request is specified`;
      return compareQuantities(request, bound) > 0 ? `${what}, but request is ${formatQuantity(request)}` : undefined;
    }),
  ]);
}

function itemFaults(item: LimitRangeItem, requests: ResourceAmounts, limits: ResourceAmounts): string[] {
  return [
    ...each(item.min, (name, bound) => minimum(item.type, name, bound, requests[name], limits[name])),
    ...each(item.max, (name, bound) => maximum(item.type, name, bound, requests[name], limits[name])),
    ...each(item.maxLimitRequestRatio, (name, bound) => ratio(item.type, name, bound, requests[name], limits[name])),
  ];
}

function each(bounds: Readonly<Record<string, string>> | undefined, judge: (name: string, bound: Quantity) => string | undefined): string[] {
  return Object.entries(bounds ?? {}).flatMap(([name, text]) => judge(name, parseQuantity(text)) ?? []);
}

function minimum(type: string, name: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined): string | undefined {
  const what = `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  if (request === undefined) return `${what}.  No request is specified`;
  if (compareQuantities(request, bound) < 0) return `${what}, but request is ${formatQuantity(request)}`;
  return limit !== undefined && compareQuantities(limit, bound) < 0 ? `${what}, but limit is ${formatQuantity(limit)}` : undefined;
}

function maximum(type: string, name: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined): string | undefined {
  const what = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  if (limit === undefined) return `${what}.  No limit is specified`;
  if (compareQuantities(limit, bound) > 0) return `${what}, but limit is ${formatQuantity(limit)}`;
  return request !== undefined && compareQuantities(request, bound) > 0 ? `${what}, but request is ${formatQuantity(request)}` : undefined;
}

function ratio(type: string, name: string, bound: Quantity, request: Quantity | undefined, limit: Quantity | undefined): string | undefined {
  const what = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`;
  const number = (quantity: Quantity): number => Number(quantity.unscaled) * 10 ** quantity.scale;
  if (request === undefined || quantityValue(request) === 0) return `${what}, but no request is specified or request is 0`;
  if (limit === undefined || quantityValue(limit) === 0) return `${what}, but no limit is specified or limit is 0`;
  const observed = number(limit) / number(request);
  return observed > number(bound) ? `${what}, but provided ratio is ${observed.toFixed(6)}` : undefined;
}
