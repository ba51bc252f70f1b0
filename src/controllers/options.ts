/** Settings of the controllers, with upstream's defaults. */
import type { SigningKey } from '#pki/jwt';

export interface ControllerOptions {
  readonly clusterName: string;
  /** Pod addresses; nodes get ranges from it. Empty: no ranges are given. */
  readonly clusterCidrs: readonly string[];
  readonly nodeCidrMaskSizeIPv4: number;
  readonly nodeCidrMaskSizeIPv6: number;
  readonly allocateNodeCidrs: boolean;
  readonly serviceCidrs: readonly string[];
  /** A node without heartbeat for so long is not ready. */
  readonly nodeMonitorGraceMs: number;
  readonly nodeStartupGraceMs: number;
  readonly nodeMonitorPeriodMs: number;
  readonly nodeEvictionRate: number;
  readonly secondaryNodeEvictionRate: number;
  readonly unhealthyZoneThreshold: number;
  readonly largeClusterSizeThreshold: number;
  readonly terminatedPodGcThreshold: number;
  readonly maxEndpointsPerSlice: number;
  readonly concurrentSyncs: number;
  /** PEM of the cluster's CA, for the `kube-root-ca.crt` ConfigMaps. */
  readonly rootCa?: string;
  /** For signing certificate requests; without them those controllers stay off. */
  readonly signing?: { readonly caCertificate: string; readonly caKey: string };
  /** Signs tokens that secrets ask for; without it they stay empty. */
  readonly serviceAccountSigningKey?: () => Promise<SigningKey>;
  readonly signingDurationMs: number;
  readonly horizontalPodAutoscalerSyncMs: number;
  readonly resourceQuotaResyncMs: number;
  readonly hpaTolerance: number;
}

export const DEFAULT_CONTROLLER_OPTIONS: ControllerOptions = {
  clusterName: 'kubernode',
  clusterCidrs: ['10.244.0.0/16'],
  nodeCidrMaskSizeIPv4: 24,
  nodeCidrMaskSizeIPv6: 64,
  allocateNodeCidrs: true,
  serviceCidrs: ['10.96.0.0/12'],
  nodeMonitorGraceMs: 50_000,
  nodeStartupGraceMs: 60_000,
  nodeMonitorPeriodMs: 5_000,
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  unhealthyZoneThreshold: 0.55,
  largeClusterSizeThreshold: 50,
  terminatedPodGcThreshold: 12_500,
  maxEndpointsPerSlice: 100,
  concurrentSyncs: 5,
  signingDurationMs: 365 * 24 * 3600_000,
  horizontalPodAutoscalerSyncMs: 15_000,
  resourceQuotaResyncMs: 300_000,
  hpaTolerance: 0.1,
};
