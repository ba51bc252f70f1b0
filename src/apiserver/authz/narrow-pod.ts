/**
 * What access keeps of each pod: whose it is, where it runs, and which objects it names. A tenth of the pod.
 */
import type { Container, Pod } from '#api/generated/core/v1';

export function narrowPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, labels, annotations, deletionTimestamp } = pod.metadata;
  const mirror = annotations?.['kubernetes.io/config.mirror'];
  const { spec, status } = pod;
  return {
    metadata: {
      name: name!, namespace: namespace!, uid: uid!, resourceVersion: resourceVersion!,
      ...(labels === undefined ? {} : { labels }), ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(mirror === undefined ? {} : { annotations: { 'kubernetes.io/config.mirror': mirror } }),
    },
    spec: {
      containers: (spec?.containers ?? []).flatMap(referring),
      initContainers: (spec?.initContainers ?? []).flatMap(referring),
      ephemeralContainers: (spec?.ephemeralContainers ?? []).flatMap((container) => referring(container as Container)),
      ...(spec?.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
      ...(spec?.serviceAccountName === undefined ? {} : { serviceAccountName: spec.serviceAccountName }),
      ...(spec?.imagePullSecrets === undefined ? {} : { imagePullSecrets: spec.imagePullSecrets }),
      ...(spec?.resourceClaims === undefined ? {} : { resourceClaims: spec.resourceClaims }),
      ...(spec?.volumes === undefined ? {} : { volumes: spec.volumes.filter(({ emptyDir, hostPath }) => emptyDir === undefined && hostPath === undefined) }),
    },
    status: {
      ...(status?.resourceClaimStatuses === undefined ? {} : { resourceClaimStatuses: status.resourceClaimStatuses }),
      ...(status?.extendedResourceClaimStatus === undefined ? {} : { extendedResourceClaimStatus: status.extendedResourceClaimStatus }),
    },
  };
}

/** Containers that take anything from other objects. */
function referring({ name, env, envFrom }: Container): Container[] {
  const taken = (env ?? []).filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined || valueFrom?.configMapKeyRef !== undefined);
  if (taken.length === 0 && (envFrom ?? []).length === 0) return [];
  return [{ name, env: taken, ...(envFrom === undefined ? {} : { envFrom }) }];
}
