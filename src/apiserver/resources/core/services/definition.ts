/** Services as a resource. Addresses and ports are allocated around the strategy; see families.ts. */
import { services, type Service } from '#api/generated/core/v1';
import { nameIsDns1035Label, nameIsDnsLabel } from '#machinery/names';
import { cidrWarnings, ipWarnings } from '#machinery/validation/ip';
import type { ResourceDefinition } from '../../definition.ts';
import { checkLoadBalancerStatus } from '../../rules/endpoint-ips.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields } from '../../rules/status-reset.ts';
import { checkClusterIpChange } from './cluster-ips.ts';
import {
  isExternallyAccessible, needsClusterIp, needsHealthCheckPort, needsNodePorts, sameClusterIps, sameList,
} from './families.ts';
import { checkLoadBalancerClass, checkService } from './validation.ts';

const AFFINITY_SECONDS = 10_800;

function defaultService({ spec, status }: Service): void {
  if (!spec) return;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_SECONDS } };
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port ?? 0;
  }
  if (isExternallyAccessible({ spec, metadata: {} }) && !spec.externalTrafficPolicy) spec.externalTrafficPolicy = 'Cluster';
  if (['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type)) spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
}

/** Names outside the cluster have no policy inside it; managers that set one still count as its owners. */
function dropInternalPolicy({ spec }: Service): void {
  if (spec?.type === 'ExternalName') delete spec.internalTrafficPolicy;
}

/** Fields that only the old type had go with it, unless the caller set them anew. */
function dropTypeDependentFields(service: Service, old: Service): void {
  const spec = service.spec!;
  const before = old.spec!;
  if (needsClusterIp(old) && !needsClusterIp(service)) {
    if (sameClusterIps(old, service)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (sameList(before.ipFamilies, spec.ipFamilies)) delete spec.ipFamilies;
    if (before.ipFamilyPolicy === spec.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  }
  if (needsNodePorts(old) && !needsNodePorts(service)) {
    const known = new Set((before.ports ?? []).map((port) => port.nodePort));
    if ((spec.ports ?? []).every((port) => !port.nodePort || known.has(port.nodePort))) for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(service) && before.healthCheckNodePort === spec.healthCheckNodePort) delete spec.healthCheckNodePort;
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (before.allocateLoadBalancerNodePorts === spec.allocateLoadBalancerNodePorts) delete spec.allocateLoadBalancerNodePorts;
    if (before.loadBalancerClass === spec.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (isExternallyAccessible(old) && !isExternallyAccessible(service) && before.externalTrafficPolicy === spec.externalTrafficPolicy) {
    delete spec.externalTrafficPolicy;
  }
  if (spec.type !== 'LoadBalancer' && service.status) service.status = { ...service.status, loadBalancer: {} };
}

function serviceWarnings({ spec = {}, metadata }: Service): string[] {
  const warnings: string[] = [];
  if (metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] !== undefined) {
    warnings.push('annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead');
  }
  const isExternalName = spec.type === 'ExternalName';
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  const externalIps = spec.externalIPs ?? [];
  if (spec.clusterIP && spec.clusterIP !== 'None') {
    for (const [index, ip] of (spec.clusterIPs ?? []).entries()) warnings.push(...ipWarnings(`spec.clusterIPs[${index}]`, ip));
  }
  if (headless) {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIps.length > 0) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  for (const [index, ip] of externalIps.entries()) warnings.push(...ipWarnings(`spec.externalIPs[${index}]`, ip));
  if (externalIps.length > 0 && !headless && !isExternalName) warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (spec.loadBalancerIP) warnings.push(...ipWarnings('spec.loadBalancerIP', spec.loadBalancerIP));
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries()) warnings.push(...cidrWarnings(`spec.loadBalancerSourceRanges[${index}]`, range));
  if (isExternalName && externalIps.length > 0) warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (!isExternalName && spec.externalName) warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose') warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}

export const serviceDefinition: ResourceDefinition<Service> = {
  resource: services,
  schema: 'core/v1.Service',
  // A prefix of a name may be anything a DNS label may start with; names that stand are checked by the gate in validateCreate.
  nameRule: nameIsDnsLabel,
  strategy: {
    defaults: defaultService,
    prepareForCreate: (service) => {
      service.status = { loadBalancer: {} };
      dropInternalPolicy(service);
    },
    prepareForUpdate: (service, old) => {
      keepFields(service, old, 'status');
      dropInternalPolicy(service);
      dropTypeDependentFields(service, old);
    },
    validateCreate: (service, context) => faultsOf((faults) => {
      checkFinalizers(service, faults);
      const name = service.metadata.name ?? '';
      if (!context.featureEnabled('RelaxedServiceNameValidation') && nameIsDnsLabel(name, false).length === 0) {
        faults.invalidAll('metadata.name', name, nameIsDns1035Label(name, false));
      }
      checkService(service, undefined, faults, context);
    }),
    validateUpdate: (service, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(service, old, faults);
      checkClusterIpChange(service, old, faults);
      checkLoadBalancerClass(service, old, faults);
      if (needsHealthCheckPort(old) && needsHealthCheckPort(service) && service.spec?.healthCheckNodePort !== old.spec?.healthCheckNodePort) {
        faults.forbidden('spec.healthCheckNodePort', 'field is immutable');
      }
      checkService(service, old, faults, context);
    }),
    warningsOnCreate: serviceWarnings,
    warningsOnUpdate: serviceWarnings,
  },
  statusStrategy: {
    prepareForUpdate: (service, old) => keepFields(service, old, 'spec'),
    validateUpdate: (service, old) => faultsOf((faults) => {
      checkMetaOnUpdate(service, old, faults);
      checkLoadBalancerStatus(service.status?.loadBalancer, old.status?.loadBalancer, service.spec?.type, faults);
    }),
    warningsOnUpdate: (service) => (service.status?.loadBalancer?.ingress ?? [])
      .flatMap(({ ip }, index) => (ip ? ipWarnings(`status.loadBalancer.ingress[${index}]`, ip) : [])),
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
  selectableFieldNames: ['spec.clusterIP', 'spec.type'],
  selectableFields: ({ spec }) => ({ 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }),
};
