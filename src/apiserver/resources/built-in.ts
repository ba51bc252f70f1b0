/** The built-in resources, one import each. */
import type { ResourceDefinition } from './definition.ts';
import { mutatingAdmissionPolicyDefinition } from './admissionregistration/mutatingadmissionpolicies/definition.ts';
import { mutatingAdmissionPolicyBindingDefinition } from './admissionregistration/mutatingadmissionpolicybindings/definition.ts';
import { mutatingWebhookConfigurationDefinition } from './admissionregistration/mutatingwebhookconfigurations/definition.ts';
import { validatingAdmissionPolicyDefinition } from './admissionregistration/validatingadmissionpolicies/definition.ts';
import { validatingAdmissionPolicyBindingDefinition } from './admissionregistration/validatingadmissionpolicybindings/definition.ts';
import { validatingWebhookConfigurationDefinition } from './admissionregistration/validatingwebhookconfigurations/definition.ts';
import { customResourceDefinitionDefinition } from './apiextensions/customresourcedefinitions/definition.ts';
import { apiServiceDefinition } from './apiregistration/apiservices/definition.ts';
import { storageVersionDefinition } from './apiserverinternal/storageversions/definition.ts';
import { controllerRevisionDefinition } from './apps/controllerrevisions/definition.ts';
import { daemonSetDefinition } from './apps/daemonsets/definition.ts';
import { deploymentDefinition } from './apps/deployments/definition.ts';
import { replicaSetDefinition } from './apps/replicasets/definition.ts';
import { statefulSetDefinition } from './apps/statefulsets/definition.ts';
import { horizontalPodAutoscalerDefinition } from './autoscaling/horizontalpodautoscalers/definition.ts';
import { cronJobDefinition } from './batch/cronjobs/definition.ts';
import { jobDefinition } from './batch/jobs/definition.ts';
import { certificateSigningRequestDefinition } from './certificates/certificatesigningrequests/definition.ts';
import { clusterTrustBundleDefinition } from './certificates/clustertrustbundles/definition.ts';
import { podCertificateRequestDefinition } from './certificates/podcertificaterequests/definition.ts';
import { leaseCandidateDefinition } from './coordination/leasecandidates/definition.ts';
import { leaseDefinition } from './coordination/leases/definition.ts';
import { configMapDefinition } from './core/configmaps/definition.ts';
import { endpointsDefinition } from './core/endpoints/definition.ts';
import { eventDefinition } from './core/events/definition.ts';
import { limitRangeDefinition } from './core/limitranges/definition.ts';
import { namespaceDefinition } from './core/namespaces/definition.ts';
import { nodeDefinition } from './core/nodes/definition.ts';
import { persistentVolumeClaimDefinition } from './core/persistentvolumeclaims/definition.ts';
import { persistentVolumeDefinition } from './core/persistentvolumes/definition.ts';
import { podDefinition } from './core/pods/definition.ts';
import { podTemplateDefinition } from './core/podtemplates/definition.ts';
import { replicationControllerDefinition } from './core/replicationcontrollers/definition.ts';
import { resourceQuotaDefinition } from './core/resourcequotas/definition.ts';
import { secretDefinition } from './core/secrets/definition.ts';
import { serviceAccountDefinition } from './core/serviceaccounts/definition.ts';
import { serviceDefinition } from './core/services/definition.ts';
import { endpointSliceDefinition } from './discovery/endpointslices/definition.ts';
import { eventsEventDefinition } from './events/events/definition.ts';
import { flowSchemaDefinition } from './flowcontrol/flowschemas/definition.ts';
import { priorityLevelConfigurationDefinition } from './flowcontrol/prioritylevelconfigurations/definition.ts';
import { ingressClassDefinition } from './networking/ingressclasses/definition.ts';
import { ingressDefinition } from './networking/ingresses/definition.ts';
import { ipAddressDefinition } from './networking/ipaddresses/definition.ts';
import { networkPolicyDefinition } from './networking/networkpolicies/definition.ts';
import { serviceCidrDefinition } from './networking/servicecidrs/definition.ts';
import { runtimeClassDefinition } from './node/runtimeclasses/definition.ts';
import { podDisruptionBudgetDefinition } from './policy/poddisruptionbudgets/definition.ts';
import { clusterRoleBindingDefinition } from './rbac/clusterrolebindings/definition.ts';
import { clusterRoleDefinition } from './rbac/clusterroles/definition.ts';
import { roleBindingDefinition } from './rbac/rolebindings/definition.ts';
import { roleDefinition } from './rbac/roles/definition.ts';
import { deviceClassDefinition } from './resource/deviceclasses/definition.ts';
import { deviceTaintRuleDefinition } from './resource/devicetaintrules/definition.ts';
import { resourceClaimDefinition } from './resource/resourceclaims/definition.ts';
import { resourceClaimTemplateDefinition } from './resource/resourceclaimtemplates/definition.ts';
import { resourcePoolStatusRequestDefinition } from './resource/resourcepoolstatusrequests/definition.ts';
import { resourceSliceDefinition } from './resource/resourceslices/definition.ts';
import { podGroupDefinition } from './scheduling/podgroups/definition.ts';
import { priorityClassDefinition } from './scheduling/priorityclasses/definition.ts';
import { workloadDefinition } from './scheduling/workloads/definition.ts';
import { csiDriverDefinition } from './storage/csidrivers/definition.ts';
import { csiNodeDefinition } from './storage/csinodes/definition.ts';
import { csiStorageCapacityDefinition } from './storage/csistoragecapacities/definition.ts';
import { storageClassDefinition } from './storage/storageclasses/definition.ts';
import { volumeAttachmentDefinition } from './storage/volumeattachments/definition.ts';
import { volumeAttributesClassDefinition } from './storage/volumeattributesclasses/definition.ts';
import { storageVersionMigrationDefinition } from './storagemigration/storageversionmigrations/definition.ts';

export const BUILT_IN_DEFINITIONS: readonly ResourceDefinition[] = [
  mutatingAdmissionPolicyDefinition,
  mutatingAdmissionPolicyBindingDefinition,
  mutatingWebhookConfigurationDefinition,
  validatingAdmissionPolicyDefinition,
  validatingAdmissionPolicyBindingDefinition,
  validatingWebhookConfigurationDefinition,
  customResourceDefinitionDefinition,
  apiServiceDefinition,
  storageVersionDefinition,
  controllerRevisionDefinition,
  daemonSetDefinition,
  deploymentDefinition,
  replicaSetDefinition,
  statefulSetDefinition,
  horizontalPodAutoscalerDefinition,
  cronJobDefinition,
  jobDefinition,
  certificateSigningRequestDefinition,
  clusterTrustBundleDefinition,
  podCertificateRequestDefinition,
  leaseCandidateDefinition,
  leaseDefinition,
  configMapDefinition,
  endpointsDefinition,
  eventDefinition,
  limitRangeDefinition,
  namespaceDefinition,
  nodeDefinition,
  persistentVolumeClaimDefinition,
  persistentVolumeDefinition,
  podDefinition,
  podTemplateDefinition,
  replicationControllerDefinition,
  resourceQuotaDefinition,
  secretDefinition,
  serviceAccountDefinition,
  serviceDefinition,
  endpointSliceDefinition,
  eventsEventDefinition,
  flowSchemaDefinition,
  priorityLevelConfigurationDefinition,
  ingressClassDefinition,
  ingressDefinition,
  ipAddressDefinition,
  networkPolicyDefinition,
  serviceCidrDefinition,
  runtimeClassDefinition,
  podDisruptionBudgetDefinition,
  clusterRoleBindingDefinition,
  clusterRoleDefinition,
  roleBindingDefinition,
  roleDefinition,
  deviceClassDefinition,
  deviceTaintRuleDefinition,
  resourceClaimDefinition,
  resourceClaimTemplateDefinition,
  resourcePoolStatusRequestDefinition,
  resourceSliceDefinition,
  podGroupDefinition,
  priorityClassDefinition,
  workloadDefinition,
  csiDriverDefinition,
  csiNodeDefinition,
  csiStorageCapacityDefinition,
  storageClassDefinition,
  volumeAttachmentDefinition,
  volumeAttributesClassDefinition,
  storageVersionMigrationDefinition,
] as unknown as ResourceDefinition[];
