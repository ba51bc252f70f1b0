/** The objects that a pod, or a persistent volume, makes a kubelet read. */
import type { PersistentVolume, Pod } from '#api/generated/core/v1';

type Names = Set<string>;

/** Names of Secrets in the pod's namespace. */
export function podSecretNames(pod: Pod): Names {
  const names: Names = new Set();
  const add = (name: string | undefined): void => { if (name !== undefined && name !== '') names.add(name); };
  for (const reference of pod.spec?.imagePullSecrets ?? []) add(reference.name);
  for (const container of allContainers(pod)) {
    for (const source of container.envFrom ?? []) add(source.secretRef?.name);
    for (const variable of container.env ?? []) add(variable.valueFrom?.secretKeyRef?.name);
  }
  for (const volume of pod.spec?.volumes ?? []) {
    add(volume.azureFile?.secretName);
    add(volume.secret?.secretName);
    add(volume.csi?.nodePublishSecretRef?.name);
    for (const source of [volume.cephfs, volume.cinder, volume.flexVolume, volume.rbd, volume.scaleIO, volume.iscsi, volume.storageos]) add(source?.secretRef?.name);
    for (const source of volume.projected?.sources ?? []) add(source.secret?.name);
  }
  return names;
}

/** Names of ConfigMaps in the pod's namespace. */
export function podConfigMapNames(pod: Pod): Names {
  const names: Names = new Set();
  const add = (name: string | undefined): void => { if (name !== undefined && name !== '') names.add(name); };
  for (const container of allContainers(pod)) {
    for (const source of container.envFrom ?? []) add(source.configMapRef?.name);
    for (const variable of container.env ?? []) add(variable.valueFrom?.configMapKeyRef?.name);
  }
  for (const volume of pod.spec?.volumes ?? []) {
    add(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) add(source.configMap?.name);
  }
  return names;
}

/** Names of claims in the pod's namespace, those of ephemeral volumes included. */
export function podClaimNames(pod: Pod): Names {
  const names: Names = new Set();
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.persistentVolumeClaim !== undefined) names.add(volume.persistentVolumeClaim.claimName);
    else if (volume.ephemeral !== undefined) names.add(`${pod.metadata.name}-${volume.name}`);
  }
  return names;
}

/** Names of ResourceClaims in the pod's namespace. */
export function podResourceClaimNames(pod: Pod): Names {
  const names: Names = new Set();
  for (const claim of pod.spec?.resourceClaims ?? []) {
    const made = pod.status?.resourceClaimStatuses?.find((status) => status.name === claim.name)?.resourceClaimName;
    const name = claim.resourceClaimName ?? made;
    if (name !== undefined) names.add(name);
  }
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (extended !== undefined) names.add(extended);
  return names;
}

/** Secrets a kubelet needs to mount the volume, as `namespace/name`. */
export function volumeSecretNames(volume: PersistentVolume): Names {
  const names: Names = new Set();
  const spec = volume.spec;
  const home = spec?.claimRef?.namespace ?? '';
  const add = (reference: { name?: string; namespace?: string } | undefined, fallback = home): void => {
    if (reference?.name === undefined || reference.name === '') return;
    const namespace = reference.namespace === undefined || reference.namespace === '' ? fallback : reference.namespace;
    if (namespace !== '') names.add(`${namespace}/${reference.name}`);
  };
  if (spec?.azureFile !== undefined) add({ name: spec.azureFile.secretName, ...(spec.azureFile.secretNamespace === undefined ? {} : { namespace: spec.azureFile.secretNamespace }) });
  for (const source of [spec?.cephfs, spec?.cinder, spec?.flexVolume, spec?.rbd, spec?.scaleIO, spec?.iscsi, spec?.storageos]) add(source?.secretRef);
  add(spec?.csi?.nodePublishSecretRef);
  add(spec?.csi?.nodeStageSecretRef);
  add(spec?.csi?.nodeExpandSecretRef);
  return names;
}

type ContainerLike = Pick<NonNullable<Pod['spec']>['containers'][number], 'env' | 'envFrom'>;

function allContainers(pod: Pod): ContainerLike[] {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []), ...(pod.spec?.ephemeralContainers ?? [])];
}
