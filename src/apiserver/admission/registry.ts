/**
 * The built-in plugins in upstream's order. Both halves of the chain run in this order. Which of them run: `switches.ts`.
 *
 * Not built: AlwaysAdmit, AlwaysDeny, NamespaceAutoProvision, NamespaceExists, LimitPodHardAntiAffinityTopology, ImagePolicyWebhook, PodNodeSelector, PodTolerationRestriction,
 * EventRateLimit; all off by default upstream.
 */
import type { ResourceQuota } from '#api/generated/core/v1';
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
import { DEFAULT_PLUGINS, isSwitchedOn, type AdmissionSwitches } from './switches.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

/** Plugins that come from elsewhere: policies written in CEL, webhooks. They stand behind the built-in ones, before quota. */
export interface ExtensionPlugins {
  readonly mutatingAdmissionPolicy?: AdmissionPlugin;
  readonly mutatingAdmissionWebhook?: AdmissionPlugin;
  readonly validatingAdmissionPolicy?: AdmissionPlugin;
  readonly validatingAdmissionWebhook?: AdmissionPlugin;
}

export function admissionPlugins(
  dependencies: AdmissionDependencies, quotas: StoredObjects<ResourceQuota>, extensions: ExtensionPlugins = {}, switches: AdmissionSwitches = DEFAULT_PLUGINS,
): AdmissionPlugin[] {
  return allPlugins(dependencies, quotas, extensions).filter(({ name }) => isSwitchedOn(name, switches));
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
