/**
 * Which version of a kind is stored, and how the other served ones become it.
 *
 * Versions whose JSON is the same but for apiVersion need no conversion; they are spliced like the stored one.
 */
import { resourceInfo, type ResourceInfo } from '#api/registry';
import type { Event as CoreEvent } from '#api/generated/core/v1';
import type { Event } from '#api/generated/events/v1';
import { parseGroupVersion } from '#machinery/gvk';
import type { KubeObject } from '#machinery/meta';
import type { Conversion } from '../served-resource.ts';
import { toAutoscalerV1, toAutoscalerV2 } from './autoscaling/horizontalpodautoscalers/conversion.ts';
import { fromCoreEvent, toCoreEvent } from './events/events/conversion.ts';
import type { ResourceDefinition } from './definition.ts';
import { CLAIM_CONVERSION, CLAIM_TEMPLATE_CONVERSION, SLICE_CONVERSION } from './resource/conversion.ts';

/** Kinds stored in another group or version than their own. */
const STORED_AS: Readonly<Record<string, readonly [group: string, version: string, resource: string]>> = {
  'events.k8s.io/v1/events': ['', 'v1', 'events'],
  'autoscaling/v1/horizontalpodautoscalers': ['autoscaling', 'v2', 'horizontalpodautoscalers'],
  'storage.k8s.io/v1beta1/volumeattributesclasses': ['storage.k8s.io', 'v1', 'volumeattributesclasses'],
  'certificates.k8s.io/v1alpha1/clustertrustbundles': ['certificates.k8s.io', 'v1beta1', 'clustertrustbundles'],
  'coordination.k8s.io/v1alpha2/leasecandidates': ['coordination.k8s.io', 'v1beta1', 'leasecandidates'],
  'resource.k8s.io/v1alpha3/devicetaintrules': ['resource.k8s.io', 'v1beta2', 'devicetaintrules'],
  ...storedInV1('admissionregistration.k8s.io', ['v1alpha1', 'v1beta1'], ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings']),
  ...storedInV1('networking.k8s.io', ['v1beta1'], ['ipaddresses', 'servicecidrs']),
  ...storedInV1('resource.k8s.io', ['v1beta1', 'v1beta2'], ['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices']),
};

function storedInV1(group: string, versions: readonly string[], resources: readonly string[]): Record<string, [string, string, string]> {
  return Object.fromEntries(versions.flatMap((version) => resources.map((resource) => [`${group}/${version}/${resource}`, [group, 'v1', resource]])));
}

export function storedIdentity(info: ResourceInfo, definition: ResourceDefinition): { info: ResourceInfo } {
  const as = STORED_AS[`${info.group}/${info.version}/${info.resource}`];
  const stored = as === undefined ? resourceInfo(info.group, definition.storageVersion ?? info.version, info.resource) : resourceInfo(...as);
  return { info: stored ?? info };
}

/** By the type that is served. */
const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  'events/v1.Event': { toStored: (event) => toCoreEvent(event as Event) as KubeObject, fromStored: (event) => fromCoreEvent(event as CoreEvent) as KubeObject },
  'resource/v1beta1.ResourceClaim': CLAIM_CONVERSION,
  'resource/v1beta1.ResourceClaimTemplate': CLAIM_TEMPLATE_CONVERSION,
  'resource/v1beta1.ResourceSlice': SLICE_CONVERSION,
  'autoscaling/v1.HorizontalPodAutoscaler': { toStored: toAutoscalerV2, fromStored: toAutoscalerV1 },
};

export function conversionOf(info: ResourceInfo, stored: ResourceInfo): Conversion | undefined {
  if (info.type === stored.type) return undefined;
  return CONVERSIONS[info.type];
}

/** An object of one served version (as its apiVersion says) in another of the same kind. Changes nothing it is given. @throws Error for a version that is not served */
export function convertBetween(info: ResourceInfo, stored: ResourceInfo, object: KubeObject, apiVersion: string): KubeObject {
  const from = versionOf(info, object.apiVersion ?? '') ?? info;
  const wanted = versionOf(info, apiVersion);
  if (wanted === undefined) throw new Error(`${info.kind} is not served in ${apiVersion}`);
  if (wanted.type === from.type) return object;
  const hub = conversionOf(from, stored)?.toStored({ ...object }) ?? object;
  const converted = conversionOf(wanted, stored)?.fromStored({ ...hub }) ?? hub;
  return { ...converted, apiVersion };
}

function versionOf(info: ResourceInfo, apiVersion: string): ResourceInfo | undefined {
  const parsed = parseGroupVersion(apiVersion);
  return parsed === undefined ? undefined : resourceInfo(parsed.group, parsed.version, info.resource);
}
