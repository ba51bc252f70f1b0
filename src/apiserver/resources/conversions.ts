/**
 * Which version of a kind is stored, and how the other served ones become it.
 *
 * Versions whose JSON is the same but for apiVersion need no conversion; they are spliced like the stored one.
 */
import { resourceInfo, type ResourceInfo } from '#api/registry';
import type { Conversion } from '../served-resource.ts';
import type { ResourceDefinition } from './definition.ts';

/** Kinds stored in another group or version than their own. */
const STORED_AS: Readonly<Record<string, readonly [group: string, version: string, resource: string]>> = {
  'events.k8s.io/v1/events': ['', 'v1', 'events'],
  'autoscaling/v1/horizontalpodautoscalers': ['autoscaling', 'v2', 'horizontalpodautoscalers'],
};

export function storedIdentity(info: ResourceInfo, definition: ResourceDefinition): { info: ResourceInfo } {
  const as = STORED_AS[`${info.group}/${info.version}/${info.resource}`];
  const stored = as === undefined ? resourceInfo(info.group, definition.storageVersion ?? info.version, info.resource) : resourceInfo(...as);
  return { info: stored ?? info };
}

const CONVERSIONS = new Map<string, Conversion>();

/** Each conversion is given once, by the room of its kind. */
export function addConversion(type: string, conversion: Conversion): void { CONVERSIONS.set(type, conversion); }

export function conversionOf(info: ResourceInfo, stored: ResourceInfo): Conversion | undefined {
  if (info.type === stored.type) return undefined;
  return CONVERSIONS.get(info.type);
}
