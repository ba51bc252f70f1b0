/** The rules of services. */
import type { Service, ServicePort } from '#api/generated/core/v1';
import { dns1123LabelFaults, dns1123SubdomainFaults, portNumberFaults, qualifiedNameFaults } from '#machinery/names';
import { validateLegacyCidr, validateLegacyIp } from '#machinery/validation/ip';
import { checkEndpointIp } from '../../rules/endpoint-ips.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkLabels } from '../../rules/metadata.ts';
import { checkPort } from '../../rules/probes.ts';
import { checkClusterIpFields } from './cluster-ips.ts';
import { isExternallyAccessible, isHeadless, needsHealthCheckPort } from './families.ts';

const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const AFFINITY_SECONDS_MAX = 86_400;
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";

interface Gates { featureEnabled(gate: string): boolean }

export function checkService(service: Service, old: Service | undefined, faults: Faults, gates: Gates): void {
  const spec = service.spec!;
  const annotations = service.metadata.annotations ?? {};
  const mode = annotations[TOPOLOGY_MODE];
  if (mode !== undefined && annotations[TOPOLOGY_HINTS] !== undefined && mode !== annotations[TOPOLOGY_HINTS]) {
    faults.invalid(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, `must match annotations[${TOPOLOGY_HINTS}] when both are specified`);
  }
  const headless = isHeadless(service);
  if (!spec.ports?.length && !headless && spec.type !== 'ExternalName') faults.required('spec.ports');
  if (headless && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    faults.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`);
  }
  if (spec.type === 'ExternalName') checkExternalName(service, faults);
  checkPorts(spec.ports ?? [], spec.type, faults);
  checkLabels(spec.selector, 'spec.selector', faults);
  checkAffinity(service, faults);
  checkClusterIpFields(service, old, faults);
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const errors = validateLegacyIp(`spec.externalIPs[${index}]`, ip, true, old?.spec?.externalIPs ?? []);
    faults.add(errors);
    if (errors.length === 0) checkEndpointIp(ip, `spec.externalIPs[${index}]`, faults);
  }
  faults.oneOf('spec.type', spec.type, TYPES);
  checkPortUniqueness(spec.ports ?? [], faults);
  checkSourceRanges(service, old, faults);
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer') {
    faults.forbidden('spec.allocateLoadBalancerNodePorts', ONLY_LOAD_BALANCER);
  }
  if (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === undefined) faults.required('allocateLoadBalancerNodePorts');
  checkLoadBalancerClass(service, undefined, faults);
  checkTrafficPolicies(service, faults, gates);
}

function checkExternalName(service: Service, faults: Faults): void {
  const spec = service.spec!;
  const text = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) faults.forbidden('spec.clusterIPs', text);
  if (spec.ipFamilies?.length) faults.forbidden('spec.ipFamilies', text);
  if (spec.ipFamilyPolicy !== undefined) faults.forbidden('spec.ipFamilyPolicy', text);
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') faults.required('spec.externalName');
  else faults.invalidAll('spec.externalName', name, dns1123SubdomainFaults(name));
}

function checkPorts(ports: readonly ServicePort[], type: string | undefined, faults: Faults): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    if (port.name) {
      faults.invalidAll(`${at}.name`, port.name, dns1123LabelFaults(port.name));
      if (names.has(port.name)) faults.duplicate(`${at}.name`, port.name);
      names.add(port.name);
    } else if (ports.length > 1) {
      faults.required(`${at}.name`);
    }
    faults.invalidAll(`${at}.port`, port.port ?? 0, portNumberFaults(port.port ?? 0));
    faults.oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
    checkPort(port.targetPort, `${at}.targetPort`, faults);
    if (port.appProtocol !== undefined) faults.invalidAll(`${at}.appProtocol`, port.appProtocol, qualifiedNameFaults(port.appProtocol));
    if (type === 'ClusterIP' && port.nodePort) faults.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'");
  }
}

function checkPortUniqueness(ports: readonly ServicePort[], faults: Faults): void {
  const nodePorts = new Set<string>();
  for (const [index, port] of ports.entries()) {
    if (!port.nodePort) continue;
    const key = `${port.protocol}/${port.nodePort}`;
    if (nodePorts.has(key)) faults.duplicate(`spec.ports[${index}].nodePort`, port.nodePort);
    nodePorts.add(key);
  }
  const numbers = new Set<string>();
  for (const [index, { protocol, port }] of ports.entries()) {
    const key = `${protocol}/${port}`;
    if (numbers.has(key)) faults.duplicate(`spec.ports[${index}]`, goJsonOf('core/v1.ServicePort', { protocol, port }));
    numbers.add(key);
  }
}

function checkAffinity(service: Service, faults: Faults): void {
  const { sessionAffinity: affinity, sessionAffinityConfig: config } = service.spec!;
  const place = 'spec.sessionAffinityConfig';
  faults.oneOf('spec.sessionAffinity', affinity, ['ClientIP', 'None']);
  if (affinity === 'None' && config) faults.forbidden(place, 'must not be set when session affinity is None');
  if (affinity !== 'ClientIP') return;
  const text = 'when session affinity type is ClientIP';
  const seconds = config?.clientIP?.timeoutSeconds;
  if (!config) faults.required(place, text);
  else if (!config.clientIP) faults.required(`${place}.clientIP`, text);
  else if (seconds === undefined) faults.required(`${place}.clientIP.timeoutSeconds`, text);
  else if (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX) {
    faults.invalid(`${place}.clientIP.timeoutSeconds`, seconds, `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`);
  }
}

function checkSourceRanges(service: Service, old: Service | undefined, faults: Faults): void {
  const spec = service.spec!;
  const annotation = service.metadata.annotations?.[SOURCE_RANGES];
  if (spec.loadBalancerSourceRanges?.length) {
    const place = 'spec.LoadBalancerSourceRanges';
    if (spec.type !== 'LoadBalancer') faults.forbidden(place, ONLY_LOAD_BALANCER);
    const before = (old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    for (const [index, range] of spec.loadBalancerSourceRanges.entries()) faults.add(validateLegacyCidr(`${place}[${index}]`, range.trim(), true, before));
  } else if (annotation !== undefined) {
    const place = `metadata.annotations[${SOURCE_RANGES}]`;
    if (spec.type !== 'LoadBalancer') faults.forbidden(place, ONLY_LOAD_BALANCER);
    if (old?.metadata.annotations?.[SOURCE_RANGES] === annotation || annotation.trim() === '') return;
    for (const range of annotation.trim().split(',')) faults.add(validateLegacyCidr(place, range.trim(), true));
  }
}

export function checkLoadBalancerClass(service: Service, old: Service | undefined, faults: Faults): void {
  const { type, loadBalancerClass: name } = service.spec!;
  const place = 'spec.loadBalancerClass';
  if (old?.spec?.type === 'LoadBalancer' && type === 'LoadBalancer' && old.spec.loadBalancerClass !== name) {
    faults.invalid(place, name ?? null, 'may not change once set');
  }
  if (name === undefined) return;
  if (type === 'LoadBalancer') faults.invalidAll(place, name, qualifiedNameFaults(name));
  else faults.forbidden(place, ONLY_LOAD_BALANCER);
}

function checkTrafficPolicies(service: Service, faults: Faults, gates: Gates): void {
  const spec = service.spec!;
  if (isExternallyAccessible(service)) faults.oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local']);
  else if (spec.externalTrafficPolicy) {
    faults.invalid('spec.externalTrafficPolicy', spec.externalTrafficPolicy, 'may only be set for externally-accessible services');
  }
  const port = spec.healthCheckNodePort ?? 0;
  if (needsHealthCheckPort(service)) {
    if (port === 0) faults.required('spec.healthCheckNodePort');
    else faults.invalidAll('spec.healthCheckNodePort', port, portNumberFaults(port));
  } else if (port !== 0) {
    faults.invalid('spec.healthCheckNodePort', port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  }
  if (spec.internalTrafficPolicy !== undefined) faults.strictlyOneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']);
  else if (['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type ?? '')) faults.required('spec.internalTrafficPolicy');
  if (spec.trafficDistribution !== undefined) {
    const known = gates.featureEnabled('PreferSameTrafficDistribution') ? ['PreferClose', 'PreferSameZone', 'PreferSameNode'] : ['PreferClose'];
    faults.strictlyOneOf('spec.trafficDistribution', spec.trafficDistribution, known);
  }
}
