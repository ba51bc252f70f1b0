/**
 * What the files of a configMap, secret, downwardAPI or projected volume contain.
 */
import type { Pod, Volume, VolumeProjection, ConfigMap, Secret, KeyToPath, DownwardAPIVolumeFile } from '#api/generated/core/v1';
import { podField, resourceField, type PodNetworkFacts } from '../translation/field-ref.ts';
import type { Payload, PayloadFile } from './atomic-writer.ts';
import { commonUser } from './ownership.ts';

export interface PayloadSources {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
  /** PEM of the bundles that match. */
  trustBundle?(source: NonNullable<VolumeProjection['clusterTrustBundle']>): Promise<string>;
  network(pod: Pod): PodNetworkFacts;
  allocatable(): Readonly<Record<string, string>>;
}

const DEFAULT_MODE = 0o644;
const TOKEN_SECONDS_DEFAULT = 3600;

/** Undefined for volumes that are not made of API objects. @throws Error with upstream's text. */
export async function volumePayload(pod: Pod, volume: Volume, sources: PayloadSources): Promise<Payload | undefined> {
  const files = new Map<string, PayloadFile>();
  if (volume.configMap !== undefined) await addConfigMap(pod, volume.configMap, volume.configMap.defaultMode ?? DEFAULT_MODE, sources, files);
  else if (volume.secret !== undefined) {
    const { secretName, ...rest } = volume.secret;
    await addSecret(pod, { ...rest, ...(secretName === undefined ? {} : { name: secretName }) }, volume.secret.defaultMode ?? DEFAULT_MODE, sources, files);
  } else if (volume.downwardAPI !== undefined) addDownward(pod, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? DEFAULT_MODE, sources, files);
  else if (volume.projected !== undefined) {
    const mode = volume.projected.defaultMode ?? DEFAULT_MODE;
    for (const source of volume.projected.sources ?? []) await addProjection(pod, source, mode, sources, files);
  } else return undefined;
  return files;
}

async function addProjection(pod: Pod, source: VolumeProjection, mode: number, sources: PayloadSources, files: Map<string, PayloadFile>): Promise<void> {
  if (source.configMap !== undefined) await addConfigMap(pod, source.configMap, mode, sources, files);
  if (source.secret !== undefined) await addSecret(pod, source.secret, mode, sources, files);
  if (source.downwardAPI !== undefined) addDownward(pod, source.downwardAPI.items ?? [], mode, sources, files);
  if (source.serviceAccountToken !== undefined) {
    const { path, audience, expirationSeconds } = source.serviceAccountToken;
    const uid = commonUser(pod);
    const isPrivate = uid !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
    const token = await sources.token(pod, audience, expirationSeconds ?? TOKEN_SECONDS_DEFAULT);
    files.set(path, { content: Buffer.from(token), mode: isPrivate ? 0o600 : mode, ...(uid === undefined ? {} : { uid }) });
  }
  if (source.clusterTrustBundle !== undefined) {
    if (sources.trustBundle === undefined) throw new Error('cluster trust bundles are not available on this node');
    files.set(source.clusterTrustBundle.path, { content: Buffer.from(await sources.trustBundle(source.clusterTrustBundle)), mode });
  }
  if (source.podCertificate !== undefined) throw new Error('pod certificates are not available on this node');
}

interface Reference { name?: string; items?: KeyToPath[]; optional?: boolean }

async function addConfigMap(pod: Pod, ref: Reference, mode: number, sources: PayloadSources, files: Map<string, PayloadFile>): Promise<void> {
  const source = await sources.configMap(pod.metadata.namespace!, ref.name ?? '');
  if (source === undefined) {
    if (ref.optional === true) return;
    throw new Error(`configmap "${ref.name ?? ''}" not found`);
  }
  const data = new Map<string, Buffer>([
    ...Object.entries(source.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const),
    ...Object.entries(source.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const),
  ]);
  addKeys(data, ref, mode, files, (key) => `configmap references non-existent config key: ${key}`);
}

async function addSecret(pod: Pod, ref: Reference, mode: number, sources: PayloadSources, files: Map<string, PayloadFile>): Promise<void> {
  const source = await sources.secret(pod.metadata.namespace!, ref.name ?? '');
  if (source === undefined) {
    if (ref.optional === true) return;
    throw new Error(`secret "${ref.name ?? ''}" not found`);
  }
  const data = new Map(Object.entries(source.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const));
  addKeys(data, ref, mode, files, (key) => `references non-existent secret key: ${key}`);
}

function addKeys(data: ReadonlyMap<string, Buffer>, ref: Reference, mode: number, files: Map<string, PayloadFile>, missing: (key: string) => string): void {
  if ((ref.items ?? []).length === 0) {
    for (const [key, content] of data) files.set(key, { content, mode });
    return;
  }
  for (const item of ref.items!) {
    const content = data.get(item.key);
    if (content === undefined) {
      if (ref.optional === true) continue;
      throw new Error(missing(item.key));
    }
    files.set(item.path, { content, mode: item.mode ?? mode });
  }
}

function addDownward(pod: Pod, items: readonly DownwardAPIVolumeFile[], mode: number, sources: PayloadSources, files: Map<string, PayloadFile>): void {
  for (const item of items) {
    const text = item.fieldRef !== undefined ? podField(pod, item.fieldRef.fieldPath, sources.network(pod))
      : item.resourceFieldRef !== undefined ? resourceField(pod, item.resourceFieldRef, undefined, sources.allocatable()) : '';
    files.set(item.path.replace(/^\/+/, ''), { content: Buffer.from(text), mode: item.mode ?? mode });
  }
}
