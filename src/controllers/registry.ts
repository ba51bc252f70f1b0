/** All controllers, in the order in which they start. A new one is added here, and nowhere else. */
import { attachDetachController } from './attachdetach/attach-detach-controller.ts';
import { bootstrapSigner } from './bootstrap/bootstrap-signer.ts';
import { tokenCleaner } from './bootstrap/token-cleaner.ts';
import { csrApprover } from './certificates/csr-approver.ts';
import { csrCleaner } from './certificates/csr-cleaner.ts';
import { csrSigner } from './certificates/csr-signer.ts';
import { clusterRoleAggregationController } from './clusterroleaggregation/clusterrole-aggregation-controller.ts';
import type { ControllerDefinition } from './controller.ts';
import { cronJobController } from './cronjob/cronjob-controller.ts';
import { daemonSetController } from './daemonset/daemonset-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { endpointsController } from './endpoints/endpoints-controller.ts';
import { endpointSliceController } from './endpointslice/endpointslice-controller.ts';
import { endpointSliceMirroringController } from './endpointslicemirroring/mirroring-controller.ts';
import { garbageCollectorController } from './garbagecollector/garbage-collector-controller.ts';
import { jobController } from './job/job-controller.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { nodeIpamController } from './nodeipam/node-ipam-controller.ts';
import { nodeLifecycleController } from './nodelifecycle/node-lifecycle-controller.ts';
import { nodeTtlController } from './nodettl/node-ttl-controller.ts';
import { horizontalPodAutoscalerController } from './podautoscaler/horizontal-controller.ts';
import { podGcController } from './podgc/pod-gc-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { replicationController } from './replicaset/replication-controller.ts';
import { resourceClaimController } from './resourceclaim/resource-claim-controller.ts';
import { resourceQuotaController } from './resourcequota/resource-quota-controller.ts';
import { rootCaPublisher } from './serviceaccount/root-ca-publisher.ts';
import { serviceAccountsController } from './serviceaccount/service-accounts-controller.ts';
import { tokenSecretsController } from './serviceaccount/token-secrets-controller.ts';
import { serviceCidrController } from './servicecidr/service-cidr-controller.ts';
import { statefulSetController } from './statefulset/statefulset-controller.ts';
import { taintEvictionController } from './tainteviction/taint-eviction-controller.ts';
import { ttlAfterFinishedController } from './ttlafterfinished/ttl-after-finished-controller.ts';
import { validatingAdmissionPolicyStatusController } from './validatingadmissionpolicystatus/policy-status-controller.ts';
import { attributesClassProtection } from './volume/attributes-class-protection.ts';
import { claimProtectionController } from './volume/claim-protection.ts';
import { ephemeralVolumeController } from './volume/ephemeral-volume-controller.ts';
import { volumeBinderController } from './volume/volume-binder-controller.ts';
import { volumeProtectionController } from './volume/volume-protection.ts';

export const CONTROLLERS: readonly ControllerDefinition[] = [
  serviceAccountsController,
  rootCaPublisher,
  tokenSecretsController,
  namespaceController,
  nodeIpamController,
  nodeLifecycleController,
  taintEvictionController,
  nodeTtlController,
  deploymentController,
  replicaSetController,
  replicationController,
  statefulSetController,
  daemonSetController,
  jobController,
  cronJobController,
  ttlAfterFinishedController,
  endpointSliceController,
  endpointSliceMirroringController,
  endpointsController,
  podGcController,
  disruptionController,
  horizontalPodAutoscalerController,
  resourceQuotaController,
  csrApprover,
  csrSigner,
  csrCleaner,
  clusterRoleAggregationController,
  bootstrapSigner,
  tokenCleaner,
  volumeBinderController,
  claimProtectionController,
  volumeProtectionController,
  attributesClassProtection,
  attachDetachController,
  ephemeralVolumeController,
  resourceClaimController,
  serviceCidrController,
  validatingAdmissionPolicyStatusController,
  // Last: it shares the informers that the others asked for.
  garbageCollectorController,
];
