/** The rules of nodes. */
import type { ConfigMapNodeConfigSource, Node, NodeConfigSource, Taint } from '#api/generated/core/v1';
import { duplicate } from '#machinery/field-error';
import { parseCidr } from '#machinery/ip';
import { dns1123SubdomainFaults, configMapKeyFaults, dns1123LabelFaults, labelValueFaults } from '#machinery/names';
import { validateLegacyCidr } from '#machinery/validation/ip';
import { TAINT_EFFECTS } from '../../rules/affinity.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkLabelName } from '../../rules/metadata.ts';
import { checkQuantityOf } from '../../rules/resource-lists.ts';

const TAINTS_ANNOTATION = 'scheduler.alpha.kubernetes.io/taints';
const AVOID_PODS_ANNOTATION = 'scheduler.alpha.kubernetes.io/preferAvoidPods';
const FEATURE_NAME = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const FEATURE_NAME_MAX = 253;
const ONCE_TEXT = 'except from "" to valid';

/** On create, and again on update. */
export function checkNode(node: Node, faults: Faults): void {
  checkNodeAnnotations(node, faults);
  checkTaints(node.spec?.taints ?? [], 'metadata.taints', faults);
  checkResources(node, faults);
  const swap = node.status?.nodeInfo?.swap?.capacity;
  if (swap !== undefined) faults.positive('metadata.nodeSwapStatus.capacity', swap);
  checkDeclaredFeatures(node.status?.declaredFeatures ?? [], faults);
  checkPodCidrs(node.spec?.podCIDRs ?? [], faults);
}

function checkNodeAnnotations(node: Node, faults: Faults): void {
  const annotations = node.metadata.annotations ?? {};
  const place = 'metadata.annotations';
  for (const key of [TAINTS_ANNOTATION, AVOID_PODS_ANNOTATION]) {
    const text = annotations[key];
    if (!text) continue;
    const at = key === TAINTS_ANNOTATION ? place : `${place}.AvoidPods`;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const first = text.trimStart()[0] ?? '';
      const fault = /[{["tfn\d-]/.test(first) ? 'unexpected end of JSON input' : `invalid character '${first}' looking for beginning of value`;
      faults.invalid(at, key, fault);
      continue;
    }
    if (key === TAINTS_ANNOTATION && Array.isArray(value)) checkTaints(value as Taint[], `${place}.${key}`, faults);
    if (key === AVOID_PODS_ANNOTATION) checkAvoidPods(value, `${place}.${key}`, faults);
  }
}

function checkAvoidPods(value: unknown, place: string, faults: Faults): void {
  const entries = (value as { preferAvoidPods?: { podSignature?: { podController?: { controller?: boolean } } }[] } | null)?.preferAvoidPods ?? [];
  for (const [index, entry] of entries.entries()) {
    const controller = entry.podSignature?.podController;
    if (!controller) faults.required(`${place}[${index}].PodSignature`);
    else if (controller.controller !== true) {
      faults.invalid(`${place}[${index}].PodSignature.PodController.Controller`, false, 'must point to a controller');
    }
  }
}

function checkTaints(taints: readonly Taint[], place: string, faults: Faults): void {
  const seen = new Set<string>();
  for (const [index, taint] of taints.entries()) {
    const at = `${place}[${index}]`;
    checkLabelName(taint.key, `${at}.key`, faults);
    const texts = labelValueFaults(taint.value ?? '');
    if (texts.length > 0) faults.invalid(`${at}.value`, taint.value, texts.join(';'));
    faults.oneOf(`${at}.effect`, taint.effect, TAINT_EFFECTS);
    const key = `${taint.effect}/${taint.key}`;
    if (seen.has(key)) {
      const fault = duplicate(at, goJsonOf('core/v1.Taint', taint));
      faults.add([{ ...fault, message: `${fault.message}: taints must be unique by key and effect pair` }]);
    }
    seen.add(key);
  }
}

function checkResources(node: Node, faults: Faults): void {
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, text] of Object.entries(node.status?.[list] ?? {})) checkQuantityOf(name, text, `status.${list}.${name}`, faults);
  }
}

function checkDeclaredFeatures(features: readonly string[], faults: Faults): void {
  const place = 'status.declaredFeatures';
  for (const [index, feature] of features.entries()) {
    if (feature.length > FEATURE_NAME_MAX) {
      faults.invalid(`${place}[${index}]`, feature, `invalid feature name "${feature}": must be no more than ${FEATURE_NAME_MAX} characters`);
    } else if (!FEATURE_NAME.test(feature)) {
      faults.invalid(`${place}[${index}]`, feature, `invalid feature name "${feature}": must start with an UpperCamelCase segment, with subsequent segments `
        + "separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes");
    }
    const next = features[index + 1];
    if (next === undefined) continue;
    if (next === feature) faults.duplicate(`${place}[${index + 1}]`, next);
    else if (feature > next) faults.invalid(`${place}[${index + 1}]`, next, 'list must be sorted alphabetically');
  }
}

function checkPodCidrs(cidrs: readonly string[], faults: Faults): void {
  for (const [index, cidr] of cidrs.entries()) faults.add(validateLegacyCidr(`spec.podCIDRs[${index}]`, cidr, true));
  if (cidrs.length < 2) return;
  const lengths = cidrs.map((cidr) => parseCidr(cidr)?.network.length);
  const bad = lengths.indexOf(undefined);
  if (bad !== -1) {
    faults.internal('spec.podCIDRs', `invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`);
  }
  if (bad !== -1 || new Set(lengths).size < 2 || cidrs.length > 2) {
    faults.invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family');
  }
}

/** What may not change, and what is checked only once a node exists. */
export function checkNodeUpdate(node: Node, old: Node, faults: Faults): void {
  checkNodeAnnotations(node, faults);
  checkResources(node, faults);
  checkDeclaredFeatures(node.status?.declaredFeatures ?? [], faults);
  const addresses = new Set<string>();
  for (const [index, { type, address }] of (node.status?.addresses ?? []).entries()) {
    const key = `${type}/${address}`;
    if (addresses.has(key)) faults.duplicate(`status.addresses[${index}]`, goJsonOf('core/v1.NodeAddress', { type, address }));
    addresses.add(key);
  }
  const { spec = {} } = node;
  const { spec: before = {} } = old;
  const cidrs = spec.podCIDRs ?? [];
  const oldCidrs = before.podCIDRs ?? [];
  if (oldCidrs.length > 0) {
    const changes = oldCidrs.length === cidrs.length ? oldCidrs.filter((cidr, index) => cidr !== cidrs[index]).length : 1;
    for (let index = 0; index < changes; index += 1) faults.forbidden('spec.podCIDRs', `node updates may not change podCIDR ${ONCE_TEXT}`);
  }
  if (before.providerID && before.providerID !== spec.providerID) faults.forbidden('spec.providerID', `node updates may not change providerID ${ONCE_TEXT}`);
  if (spec.configSource) checkConfigSource(spec.configSource, 'spec.configSource', faults, false);
  for (const field of ['assigned', 'active', 'lastKnownGood'] as const) {
    const source = node.status?.config?.[field];
    if (source) checkConfigSource(source, `status.config.${field}`, faults, true);
  }
  checkTaints(spec.taints ?? [], 'metadata.taints', faults);
  if ((spec.externalID ?? '') !== (before.externalID ?? '')) faults.forbidden('spec.externalID', 'may not be updated');
}

function checkConfigSource(source: NodeConfigSource, place: string, faults: Faults, inStatus: boolean): void {
  const map = source.configMap;
  if (!map) return faults.invalid(place, goJsonOf('core/v1.NodeConfigSource', source), 'exactly one reference subfield must be non-nil');
  const at = `${place}.configMap`;
  for (const field of ['uid', 'resourceVersion'] as const) {
    if (inStatus && !map[field]) faults.required(`${at}.${field}`, `${field} must be set in status`);
    if (!inStatus && map[field]) faults.forbidden(`${at}.${field}`, `${field} must not be set in spec`);
  }
  checkConfigMapSource(map, at, faults);
}

function checkConfigMapSource(map: ConfigMapNodeConfigSource, place: string, faults: Faults): void {
  if (!map.namespace) faults.required(`${place}.namespace`, 'namespace must be set');
  else faults.invalidAll(`${place}.namespace`, map.namespace, dns1123LabelFaults(map.namespace));
  if (!map.name) faults.required(`${place}.name`, 'name must be set');
  else faults.invalidAll(`${place}.name`, map.name, dns1123SubdomainFaults(map.name));
  if (!map.kubeletConfigKey) faults.required(`${place}.kubeletConfigKey`, 'kubeletConfigKey must be set');
  else faults.invalidAll(`${place}.kubeletConfigKey`, map.kubeletConfigKey, configMapKeyFaults(map.kubeletConfigKey));
}
