/** Network policies as a resource. */
import {
  networkpolicies, type IPBlock, type NetworkPolicy, type NetworkPolicyPeer, type NetworkPolicyPort, type NetworkPolicySpec,
} from '#api/generated/networking/v1';
import { networkContains, parseCidr } from '#machinery/ip';
import { portNameFaults, portNumberFaults } from '#machinery/names';
import { cidrWarnings, validateLegacyCidr } from '#machinery/validation/ip';
import type { ResourceDefinition, StrategyContext } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkLabelSelector } from '../../rules/selectors.ts';
import { countChange } from '../../rules/status-reset.ts';

/** What an old object may keep, and what the cluster asks of new ones. */
interface Tolerance {
  readonly anyLabelValue: boolean;
  readonly strictCidrs: boolean;
  readonly oldCidrs: readonly string[];
}

/** The rules of both directions with their peers. */
function directions(spec: NetworkPolicySpec | undefined): { place: string; ports: NetworkPolicyPort[]; peersPlace: string; peers: NetworkPolicyPeer[] }[] {
  return [
    ...(spec?.ingress ?? []).map(({ ports = [], from = [] }, index) => (
      { place: `spec.ingress[${index}]`, ports, peersPlace: `spec.ingress[${index}].from`, peers: from })),
    ...(spec?.egress ?? []).map(({ ports = [], to = [] }, index) => (
      { place: `spec.egress[${index}]`, ports, peersPlace: `spec.egress[${index}].to`, peers: to })),
  ];
}

function defaultNetworkPolicy({ spec }: NetworkPolicy): void {
  if (!spec) return;
  if ((spec.policyTypes ?? []).length === 0) {
    spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  }
  for (const { ports } of directions(spec)) for (const port of ports) port.protocol ??= 'TCP';
}

function toleranceOf(old: NetworkPolicy | undefined, context: StrategyContext): Tolerance {
  const blocks = directions(old?.spec).flatMap(({ peers }) => peers.flatMap(({ ipBlock }) => ipBlock ?? []));
  return {
    anyLabelValue: faultsOf((before) => checkLabelSelector(old?.spec?.podSelector, 'spec.podSelector', before)).length > 0,
    strictCidrs: context.featureEnabled('StrictIPCIDRValidation'),
    oldCidrs: blocks.flatMap(({ cidr, except = [] }) => [cidr, ...except]),
  };
}

function checkSpec(spec: NetworkPolicySpec, tolerance: Tolerance, faults: Faults): void {
  checkLabelSelector(spec.podSelector, 'spec.podSelector', faults, { anyValue: tolerance.anyLabelValue });
  for (const { place, ports, peersPlace, peers } of directions(spec)) {
    for (const [index, port] of ports.entries()) checkPort(port, `${place}.ports[${index}]`, faults);
    for (const [index, peer] of peers.entries()) checkPeer(peer, `${peersPlace}[${index}]`, tolerance, faults);
  }
  const types = spec.policyTypes ?? [];
  if (types.length > 2) return faults.invalid('spec.policyTypes', types, 'may not specify more than two policyTypes');
  for (const [index, type] of types.entries()) faults.strictlyOneOf(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']);
}

function checkPort({ protocol, port, endPort }: NetworkPolicyPort, place: string, faults: Faults): void {
  if (protocol !== undefined) faults.strictlyOneOf(`${place}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']);
  if (typeof port === 'number') {
    faults.invalidAll(`${place}.port`, port, portNumberFaults(port));
    if (endPort === undefined) return;
    if (endPort < port) faults.invalid(`${place}.endPort`, port, 'must be greater than or equal to `port`');
    faults.invalidAll(`${place}.endPort`, endPort, portNumberFaults(endPort));
    return;
  }
  if (endPort !== undefined) {
    faults.invalid(`${place}.endPort`, endPort, `may not be specified when \`port\` is ${port === undefined ? 'not specified' : 'non-numeric'}`);
  }
  if (port !== undefined) faults.invalidAll(`${place}.port`, port, portNameFaults(port));
}

function checkPeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, place: string, tolerance: Tolerance, faults: Faults): void {
  const rules = { anyValue: tolerance.anyLabelValue };
  checkLabelSelector(podSelector, `${place}.podSelector`, faults, rules);
  checkLabelSelector(namespaceSelector, `${place}.namespaceSelector`, faults, rules);
  if (ipBlock) checkIpBlock(ipBlock, `${place}.ipBlock`, tolerance, faults);
  if (!podSelector && !namespaceSelector && !ipBlock) faults.required(place, 'must specify a peer');
  else if (ipBlock && (podSelector || namespaceSelector)) faults.forbidden(place, 'may not specify both ipBlock and another peer');
}

function checkIpBlock({ cidr, except = [] }: IPBlock, place: string, tolerance: Tolerance, faults: Faults): void {
  if (!cidr) return faults.required(`${place}.cidr`);
  faults.add(validateLegacyCidr(`${place}.cidr`, cidr, tolerance.strictCidrs, tolerance.oldCidrs));
  const outer = parseCidr(cidr);
  if (!outer) return;
  for (const [index, text] of except.entries()) {
    const at = `${place}.except[${index}]`;
    faults.add(validateLegacyCidr(at, text, tolerance.strictCidrs, tolerance.oldCidrs));
    const inner = parseCidr(text);
    if (inner && (!networkContains(outer, inner.network) || outer.prefixLength >= inner.prefixLength)) {
      faults.invalid(at, text, 'must be a strict subset of `cidr`');
    }
  }
}

function warningsOf({ spec }: NetworkPolicy): string[] {
  return directions(spec).flatMap(({ peersPlace, peers }) => peers.flatMap(({ ipBlock }, index) => (ipBlock ? [
    ...cidrWarnings(`${peersPlace}[${index}].ipBlock.cidr`, ipBlock.cidr),
    ...(ipBlock.except ?? []).flatMap((text, at) => cidrWarnings(`${peersPlace}[${index}].ipBlock.except[${at}]`, text)),
  ] : [])));
}

export const networkPolicyDefinition: ResourceDefinition<NetworkPolicy> = {
  resource: networkpolicies,
  schema: 'networking/v1.NetworkPolicy',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultNetworkPolicy,
    prepareForCreate: (policy) => { policy.metadata.generation = 1; },
    prepareForUpdate: (policy, old) => countChange(policy, old, 'spec'),
    validateCreate: (policy, context) => faultsOf((faults) => {
      checkFinalizers(policy, faults);
      checkSpec(policy.spec ?? {}, toleranceOf(undefined, context), faults);
    }),
    validateUpdate: (policy, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(policy, old, faults);
      checkSpec(policy.spec ?? {}, toleranceOf(old, context), faults);
    }),
    warningsOnCreate: warningsOf,
    warningsOnUpdate: warningsOf,
  },
  allowUnconditionalUpdate: true,
};
