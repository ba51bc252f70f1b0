// Generated from src/api/schema by `npm run generate`. Do not edit.

import type { ResourceType } from '#machinery/meta';
import type { ListMeta, ObjectMeta } from '#machinery/meta';

export interface ClusterTrustBundle {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  spec: ClusterTrustBundleSpec;
}

export interface ClusterTrustBundleList {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: ClusterTrustBundle[];
}

export interface ClusterTrustBundleSpec {
  signerName?: string;
  trustBundle: string;
}

export const clustertrustbundles: ResourceType<ClusterTrustBundle> = { group: 'certificates.k8s.io', version: 'v1alpha1', resource: 'clustertrustbundles', kind: 'ClusterTrustBundle', namespaced: false };
