/**
 * The built-in plugins in upstream's order. Both halves of the chain run in this order. Which of them run: upstream's defaults, changed by
 * `--enable-admission-plugins` and `--disable-admission-plugins`.
 *
 * Not built: AlwaysAdmit, AlwaysDeny, NamespaceAutoProvision, NamespaceExists, LimitPodHardAntiAffinityTopology, ImagePolicyWebhook, PodNodeSelector, PodTolerationRestriction,
 * EventRateLimit; all off by default upstream.
 */
import type { ResourceQuota } from '#api/generated/core/v1';
import { quote } from '#machinery/go-print';
import type { StoredObjects } from '../resources/decisions/stored-objects.ts';
import { alwaysPullImages } from './always-pull-images.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction, clusterTrustBundleAttest, podCertificateSigning } from './certificate-signers.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import type { AdmissionDependencies } from './dependencies.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { devicePermissions } from './device-permissions.ts';
import { escalation } from './escalation.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { ownerReferencesPermission } from './owner-references-permission.ts';
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { podSecurity } from './pod-security/pod-security.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { policyPermissions } from './policy-permissions.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

/** Plugins that come from elsewhere: policies written in CEL, webhooks. They stand behind the built-in ones, before quota. */
export interface ExtensionPlugins {
  readonly mutatingAdmissionPolicy?: AdmissionPlugin;
  readonly mutatingAdmissionWebhook?: AdmissionPlugin;
  readonly validatingAdmissionPolicy?: AdmissionPlugin;
  readonly validatingAdmissionWebhook?: AdmissionPlugin;
}

/** Names of plugins that differ from the defaults. */
export interface AdmissionSwitches { readonly enable: readonly string[]; readonly disable: readonly string[] }

export class UnknownPluginError extends Error {}

export const DEFAULT_PLUGINS: AdmissionSwitches = { enable: [], disable: [] };

const OFF_BY_DEFAULT: ReadonlySet<string> = new Set(['AlwaysPullImages', 'DenyServiceExternalIPs', 'ExtendedResourceToleration', 'OwnerReferencesPermissionEnforcement']);
/** Rules that stand with the resources upstream: no plugins there, and so not to be switched. */
const NO_PLUGINS: ReadonlySet<string> = new Set(['PodCertificateSigning', 'DevicePermissions', 'PolicyPermissions', 'RoleEscalationCheck']);

/** @throws UnknownPluginError when a switch names none of them, or two contradict each other */
export function admissionPlugins(
  dependencies: AdmissionDependencies, quotas: StoredObjects<ResourceQuota>, extensions: ExtensionPlugins = {}, switches: AdmissionSwitches = DEFAULT_PLUGINS,
): AdmissionPlugin[] {
  const plugins = allPlugins(dependencies, quotas, extensions);
  const names = new Set(plugins.map(({ name }) => name).filter((name) => !NO_PLUGINS.has(name)));
  for (const list of ['enable', 'disable'] as const) {
    for (const name of switches[list]) if (!names.has(name)) throw new UnknownPluginError(`${list}-admission-plugins plugin ${quote(name)} is unknown`);
  }
  const both = switches.enable.filter((name) => switches.disable.includes(name));
  if (both.length > 0) throw new UnknownPluginError(`[${both.sort().join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`);
  return plugins.filter(({ name }) => !switches.disable.includes(name) && (!OFF_BY_DEFAULT.has(name) || switches.enable.includes(name)));
}

function allPlugins(dependencies: AdmissionDependencies, quotas: StoredObjects<ResourceQuota>, extensions: ExtensionPlugins): AdmissionPlugin[] {
  const plugins: (AdmissionPlugin | undefined)[] = [
    namespaceLifecycle(dependencies),
    limitRanger(dependencies),
    serviceAccount(dependencies),
    nodeRestriction(dependencies),
    taintNodesByCondition(),
    alwaysPullImages(),
    podSecurity(dependencies),
    priority(dependencies),
    defaultTolerationSeconds(),
    extendedResourceToleration(),
    defaultStorageClass(dependencies),
    storageObjectInUseProtection(),
    ownerReferencesPermission(dependencies),
    persistentVolumeClaimResize(dependencies),
    runtimeClass(dependencies),
    certificateApproval(dependencies),
    certificateSigning(dependencies),
    clusterTrustBundleAttest(dependencies),
    certificateSubjectRestriction(),
    defaultIngressClass(dependencies),
    denyServiceExternalIps(),
    podTopologyLabels(dependencies),
    podCertificateSigning(dependencies),
    devicePermissions(dependencies),
    policyPermissions(dependencies),
    extensions.mutatingAdmissionPolicy,
    extensions.mutatingAdmissionWebhook,
    extensions.validatingAdmissionPolicy,
    extensions.validatingAdmissionWebhook,
    resourceQuota(dependencies, quotas),
    escalation(dependencies),
  ];
  return plugins.filter((plugin) => plugin !== undefined);
}
