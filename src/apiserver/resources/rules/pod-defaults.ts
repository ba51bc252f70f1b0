/**
 * Defaults of everything that carries a pod spec: pods, pod templates and the workloads' templates.
 *
 * Idempotent, in place. What only pods get (requests from limits, host ports, service links) stands in pods' own folder.
 */
import type {
  Container, EphemeralContainer, Lifecycle, ObjectFieldSelector, PersistentVolumeClaimSpec, PodSpec, Probe, ProjectedVolumeSource, Volume,
} from '#api/generated/core/v1';
import { roundUpResources } from './resource-lists.ts';

const DEFAULT_MODE = 0o644;
const TOKEN_EXPIRATION_SECONDS = 3600;

export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // serviceAccount is the old name of serviceAccountName; both are served.
  if (!spec.serviceAccountName && spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount;
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of allContainers(spec)) defaultContainer(container);
  roundUpResources(spec.overhead);
  roundUpResources(spec.resources?.limits);
  roundUpResources(spec.resources?.requests);
}

/** Init, main and ephemeral containers, in this order. */
export function allContainers(spec: PodSpec): (Container & Partial<EphemeralContainer>)[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

function defaultContainer(container: Container): void {
  container.imagePullPolicy ||= pullPolicyFor(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const variable of container.env ?? []) {
    if (variable.valueFrom?.fieldRef) defaultFieldRef(variable.valueFrom.fieldRef);
    if (variable.valueFrom?.fileKeyRef) variable.valueFrom.fileKeyRef.optional ??= false;
  }
  roundUpResources(container.resources?.limits);
  roundUpResources(container.resources?.requests);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultLifecycle(container.lifecycle);
}

function defaultLifecycle(lifecycle: Lifecycle | undefined): void {
  defaultHttpGet(lifecycle?.postStart?.httpGet);
  defaultHttpGet(lifecycle?.preStop?.httpGet);
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHttpGet(httpGet: { path?: string; scheme?: string } | undefined): void {
  if (!httpGet) return;
  httpGet.path ||= '/';
  httpGet.scheme ||= 'HTTP';
}

function defaultFieldRef(fieldRef: ObjectFieldSelector): void {
  fieldRef.apiVersion ||= 'v1';
}

/** `Always` for the tag `latest` (also the implied one), otherwise `IfNotPresent`. */
export function pullPolicyFor(image: string): string {
  return imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent';
}

const DOMAIN = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const PATH_PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const DIGEST = String.raw`[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}`;
const IMAGE_REFERENCE = new RegExp(String.raw`^((?:${DOMAIN}/)?${PATH_PART}(?:/${PATH_PART})*)(?::([\w][\w.-]{0,127}))?(@${DIGEST})?$`);
const IMAGE_NAME_MAX = 255;

/** '' for an image with a digest and for what is no image reference; `latest` when no tag is written. */
function imageTag(image: string): string {
  const match = IMAGE_REFERENCE.exec(image);
  if (!match || /^[a-f0-9]{64}$/.test(image) || fullNameLength(match[1]!) > IMAGE_NAME_MAX) return '';
  return match[2] ?? (match[3] ? '' : 'latest');
}

/** With the default registry and its `library` where they are not written. */
function fullNameLength(name: string): number {
  const first = name.includes('/') ? name.slice(0, name.indexOf('/')) : '';
  if (/[.:A-Z[]/.test(first) || first === 'localhost') return name.length;
  return name.length + (first === '' ? 'docker.io/library/' : 'docker.io/').length;
}

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name' || volume[key as keyof Volume] === undefined)) volume.emptyDir = {};
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.secret) volume.secret.defaultMode ??= DEFAULT_MODE;
  if (volume.configMap) volume.configMap.defaultMode ??= DEFAULT_MODE;
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= DEFAULT_MODE;
    for (const item of volume.downwardAPI.items ?? []) if (item.fieldRef) defaultFieldRef(item.fieldRef);
  }
  if (volume.projected) defaultProjected(volume.projected);
  if (volume.image) volume.image.pullPolicy ||= pullPolicyFor(volume.image.reference ?? '');
  if (volume.ephemeral?.volumeClaimTemplate) defaultClaimSpec(volume.ephemeral.volumeClaimTemplate.spec);
  defaultLegacyVolumeSource(volume);
}

function defaultProjected(projected: ProjectedVolumeSource): void {
  projected.defaultMode ??= DEFAULT_MODE;
  for (const source of projected.sources ?? []) {
    for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) defaultFieldRef(item.fieldRef);
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_EXPIRATION_SECONDS;
  }
}

/** The volume sources of former in-tree drivers; persistent volumes have the same ones. */
export function defaultLegacyVolumeSource(source: {
  iscsi?: { iscsiInterface?: string };
  rbd?: { pool?: string; user?: string; keyring?: string };
  azureDisk?: { cachingMode?: string; fsType?: string; readOnly?: boolean; kind?: string };
  scaleIO?: { storageMode?: string; fsType?: string };
}): void {
  if (source.iscsi) source.iscsi.iscsiInterface ||= 'default';
  if (source.rbd) {
    source.rbd.pool ||= 'rbd';
    source.rbd.user ||= 'admin';
    source.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (source.azureDisk) {
    source.azureDisk.cachingMode ??= 'ReadWrite';
    source.azureDisk.fsType ??= 'ext4';
    source.azureDisk.readOnly ??= false;
    source.azureDisk.kind ??= 'Shared';
  }
  if (source.scaleIO) {
    source.scaleIO.storageMode ||= 'ThinProvisioned';
    source.scaleIO.fsType ||= 'xfs';
  }
}

export function defaultClaimSpec(spec: PersistentVolumeClaimSpec | undefined): void {
  if (!spec) return;
  spec.volumeMode ??= 'Filesystem';
  roundUpResources(spec.resources?.limits);
  roundUpResources(spec.resources?.requests);
}
