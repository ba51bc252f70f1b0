/**
 * Which table each built-in kind has, by `group/resource`. A kind that is not here has the default one.
 *
 * Printers read objects in the version that is stored: autoscalers as autoscaling/v2. Events are read in either form.
 */
import type { KubeObject } from '#machinery/meta';
import type { TablePrinter } from '../definition.ts';
import {
  mutatingAdmissionPolicyPrinter, policyBindingPrinter, validatingAdmissionPolicyPrinter, webhookConfigurationPrinter,
} from './admission-registration.ts';
import { controllerRevisionPrinter, daemonSetPrinter, deploymentPrinter, replicaSetPrinter, statefulSetPrinter } from './apps.ts';
import { horizontalPodAutoscalerPrinter, scalePrinter } from './autoscaling.ts';
import { cronJobPrinter, jobPrinter } from './batch.ts';
import { certificateSigningRequestPrinter, clusterTrustBundlePrinter, podCertificateRequestPrinter } from './certificates.ts';
import { column, NAME } from './columns.ts';
import { leaseCandidatePrinter, leasePrinter } from './coordination.ts';
import { eventPrinter } from './core-events.ts';
import { nodePrinter } from './core-nodes.ts';
import {
  componentStatusPrinter, configMapPrinter, namespacePrinter, podTemplatePrinter, replicationControllerPrinter, resourceQuotaPrinter,
  secretPrinter, serviceAccountPrinter,
} from './core-objects.ts';
import { podPrinter } from './core-pods.ts';
import { endpointsPrinter, servicePrinter } from './core-services.ts';
import { persistentVolumeClaimPrinter, persistentVolumePrinter } from './core-volumes.ts';
import { flowSchemaPrinter, priorityLevelConfigurationPrinter } from './flowcontrol.ts';
import {
  endpointSlicePrinter, ingressClassPrinter, ingressPrinter, ipAddressPrinter, networkPolicyPrinter, serviceCidrPrinter,
} from './networking.ts';
import { clusterRoleBindingPrinter, roleBindingPrinter } from './rbac.ts';
import {
  deviceTaintRulePrinter, nameAndAgePrinter, resourceClaimPrinter, resourcePoolStatusRequestPrinter, resourceSlicePrinter,
} from './resource.ts';
import { podDisruptionBudgetPrinter, podGroupPrinter, priorityClassPrinter, runtimeClassPrinter, workloadPrinter } from './scheduling.ts';
import { apiServicePrinter, storageVersionMigrationPrinter, storageVersionPrinter } from './server-kinds.ts';
import { csiDriverPrinter, csiNodePrinter, storageClassPrinter, volumeAttachmentPrinter, volumeAttributesClassPrinter } from './storage.ts';

/** Name and time of creation, for kinds without a table of their own. */
export const defaultPrinter: TablePrinter<KubeObject> = {
  columns: [NAME, column('Created At', 'date', 'Time at which the server created the object.')],
  cells: ({ metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? '0001-01-01T00:00:00Z'],
};

/** A printer of any kind; which kind, the map below says. */
const PRINTERS: Readonly<Record<string, unknown>> = {
  '/componentstatuses': componentStatusPrinter, '/configmaps': configMapPrinter, '/endpoints': endpointsPrinter, '/events': eventPrinter,
  '/namespaces': namespacePrinter, '/nodes': nodePrinter, '/persistentvolumeclaims': persistentVolumeClaimPrinter,
  '/persistentvolumes': persistentVolumePrinter, '/pods': podPrinter, '/podtemplates': podTemplatePrinter,
  '/replicationcontrollers': replicationControllerPrinter, '/resourcequotas': resourceQuotaPrinter, '/secrets': secretPrinter,
  '/serviceaccounts': serviceAccountPrinter, '/services': servicePrinter,
  'admissionregistration.k8s.io/mutatingadmissionpolicies': mutatingAdmissionPolicyPrinter,
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings': policyBindingPrinter,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhookConfigurationPrinter,
  'admissionregistration.k8s.io/validatingadmissionpolicies': validatingAdmissionPolicyPrinter,
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': policyBindingPrinter,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhookConfigurationPrinter,
  'apiregistration.k8s.io/apiservices': apiServicePrinter,
  'apps/controllerrevisions': controllerRevisionPrinter, 'apps/daemonsets': daemonSetPrinter, 'apps/deployments': deploymentPrinter,
  'apps/replicasets': replicaSetPrinter, 'apps/statefulsets': statefulSetPrinter,
  'autoscaling/horizontalpodautoscalers': horizontalPodAutoscalerPrinter, 'autoscaling/scales': scalePrinter,
  'batch/cronjobs': cronJobPrinter, 'batch/jobs': jobPrinter,
  'certificates.k8s.io/certificatesigningrequests': certificateSigningRequestPrinter,
  'certificates.k8s.io/clustertrustbundles': clusterTrustBundlePrinter, 'certificates.k8s.io/podcertificaterequests': podCertificateRequestPrinter,
  'coordination.k8s.io/leasecandidates': leaseCandidatePrinter, 'coordination.k8s.io/leases': leasePrinter,
  'discovery.k8s.io/endpointslices': endpointSlicePrinter,
  'events.k8s.io/events': eventPrinter,
  'flowcontrol.apiserver.k8s.io/flowschemas': flowSchemaPrinter,
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': priorityLevelConfigurationPrinter,
  'internal.apiserver.k8s.io/storageversions': storageVersionPrinter,
  'networking.k8s.io/ingressclasses': ingressClassPrinter, 'networking.k8s.io/ingresses': ingressPrinter,
  'networking.k8s.io/ipaddresses': ipAddressPrinter, 'networking.k8s.io/networkpolicies': networkPolicyPrinter,
  'networking.k8s.io/servicecidrs': serviceCidrPrinter,
  'node.k8s.io/runtimeclasses': runtimeClassPrinter,
  'policy/poddisruptionbudgets': podDisruptionBudgetPrinter,
  'rbac.authorization.k8s.io/clusterrolebindings': clusterRoleBindingPrinter, 'rbac.authorization.k8s.io/rolebindings': roleBindingPrinter,
  'resource.k8s.io/deviceclasses': nameAndAgePrinter, 'resource.k8s.io/devicetaintrules': deviceTaintRulePrinter,
  'resource.k8s.io/resourceclaims': resourceClaimPrinter, 'resource.k8s.io/resourceclaimtemplates': nameAndAgePrinter,
  'resource.k8s.io/resourcepoolstatusrequests': resourcePoolStatusRequestPrinter, 'resource.k8s.io/resourceslices': resourceSlicePrinter,
  'scheduling.k8s.io/podgroups': podGroupPrinter, 'scheduling.k8s.io/priorityclasses': priorityClassPrinter, 'scheduling.k8s.io/workloads': workloadPrinter,
  'storage.k8s.io/csidrivers': csiDriverPrinter, 'storage.k8s.io/csinodes': csiNodePrinter, 'storage.k8s.io/storageclasses': storageClassPrinter,
  'storage.k8s.io/volumeattachments': volumeAttachmentPrinter, 'storage.k8s.io/volumeattributesclasses': volumeAttributesClassPrinter,
  'storagemigration.k8s.io/storageversionmigrations': storageVersionMigrationPrinter,
};

/** Scale, a kind without a resource of its own, is `autoscaling/scales`. */
export function tablePrinterOf(group: string, resource: string): TablePrinter<KubeObject> {
  return (PRINTERS[`${group}/${resource}`] ?? defaultPrinter) as TablePrinter<KubeObject>;
}
