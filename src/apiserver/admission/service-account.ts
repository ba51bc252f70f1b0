/**
 * Every pod runs as a service account: `default` when none is named, which must exist; its token is mounted into each container
 * (unless pod or account say no) and its image pull secrets are taken over.
 *
 * Mirror pods stay as the kubelet made them; they may use neither accounts nor secrets.
 */
import { serviceaccounts, type Container, type Pod, type ServiceAccount, type Volume, type VolumeMount } from '#api/generated/core/v1';
import { randomSuffix } from '#base/random';
import { quote } from '#machinery/go-print';
import { podSecretNames } from '../authz/pod-references.ts';
import { fresh, type AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';

const TOKEN_MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_VOLUME_PREFIX = 'kube-api-access-';
/** An hour and seven seconds: the mark by which the API server knows a token the kubelet renews. */
const TOKEN_SECONDS = 3607;
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const ENFORCE_ANNOTATION = 'kubernetes.io/enforce-mountable-secrets';
/** The default account is made by a controller just after its namespace; it is waited for. */
const DEFAULT_ACCOUNT_ATTEMPTS = 10;
const DEFAULT_ACCOUNT_WAIT_MS = 150;
const MODE_0644 = 0o644;

export function serviceAccount(dependencies: AdmissionDependencies): AdmissionPlugin {
  const accounts = dependencies.informers.for(serviceaccounts);
  const accountOf = async (attributes: AdmissionAttributes, name: string): Promise<ServiceAccount> => {
    const { namespace } = attributes;
    const local = accounts.get(name, namespace);
    if (local !== undefined) return local;
    const { signal } = attributes;
    let account = await fresh(dependencies.client, serviceaccounts, name, namespace, signal);
    for (let attempt = 1; account === undefined && name === 'default' && attempt < DEFAULT_ACCOUNT_ATTEMPTS; attempt++) {
      await dependencies.clock.sleep(DEFAULT_ACCOUNT_WAIT_MS, signal);
      account = await fresh(dependencies.client, serviceaccounts, name, namespace, signal);
    }
    if (account !== undefined) return account;
    throw refused(attributes, `error looking up service account ${namespace}/${name}: serviceaccount ${quote(name)} not found`);
  };
  const check = async (attributes: AdmissionAttributes, pod: Pod): Promise<void> => {
    if (isMirror(pod)) { checkMirror(attributes, pod); return; }
    const name = pod.spec?.serviceAccountName ?? '';
    if (name === '') throw refused(attributes, `no service account specified for pod ${attributes.namespace}/${pod.metadata.name ?? ''}`);
    const account = await accountOf(attributes, name);
    const fault = enforcesSecrets(account) ? secretFault(account, pod) : undefined;
    if (fault !== undefined) throw refused(attributes, fault);
  };
  return {
    name: 'ServiceAccount',
    async admit(attributes) {
      if (!isAbout(attributes, '', 'pods') || attributes.operation !== 'CREATE') return;
      const pod = attributes.object as Pod;
      if (isMirror(pod)) { checkMirror(attributes, pod); return; }
      const spec = pod.spec!;
      if (spec.serviceAccountName === undefined || spec.serviceAccountName === '') spec.serviceAccountName = 'default';
      spec.serviceAccount = spec.serviceAccountName;
      const account = await accountOf(attributes, spec.serviceAccountName);
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, dependencies);
      if ((spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0) {
        spec.imagePullSecrets = account.imagePullSecrets!.map(({ name }) => (name === undefined ? {} : { name }));
      }
      await check(attributes, pod);
    },
    async validate(attributes) {
      if (isAbout(attributes, '', 'pods') && attributes.operation === 'CREATE') await check(attributes, attributes.object as Pod);
      if (isAbout(attributes, '', 'pods', 'ephemeralcontainers') && attributes.operation === 'UPDATE') {
        const pod = attributes.object as Pod;
        const account = await accountOf(attributes, pod.spec?.serviceAccountName ?? '');
        const fault = enforcesSecrets(account) ? containersFault(account, pod.spec?.ephemeralContainers ?? [], 'ephemeral container') : undefined;
        if (fault !== undefined) throw refused(attributes, fault);
      }
    },
  };
}

function isMirror(pod: Pod): boolean {
  return pod.metadata.annotations?.[MIRROR_ANNOTATION] !== undefined;
}

function checkMirror(attributes: AdmissionAttributes, pod: Pod): void {
  if ((pod.spec?.serviceAccountName ?? '') !== '') throw refused(attributes, 'a mirror pod may not reference service accounts');
  if (podSecretNames(pod).size > 0) throw refused(attributes, 'a mirror pod may not reference secrets');
  const projectsToken = (pod.spec?.volumes ?? []).some((volume) => volume.projected?.sources?.some((source) => source.serviceAccountToken !== undefined) === true);
  if (projectsToken) throw refused(attributes, 'a mirror pod may not use ServiceAccountToken volume projections');
}

function mountToken(pod: Pod, { random }: AdmissionDependencies): void {
  const spec = pod.spec!;
  const existing = (spec.volumes ?? []).find((volume) => volume.name.startsWith(TOKEN_VOLUME_PREFIX))?.name;
  const name = existing ?? `${TOKEN_VOLUME_PREFIX}${randomSuffix(random)}`;
  let needed = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    if ((container.volumeMounts ?? []).some((mount) => mount.mountPath === TOKEN_MOUNT_PATH)) continue;
    const mount: VolumeMount = { name, readOnly: true, mountPath: TOKEN_MOUNT_PATH };
    container.volumeMounts = [...(container.volumeMounts ?? []), mount];
    needed = true;
  }
  if (needed && existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
      defaultMode: MODE_0644,
    },
  };
}

function enforcesSecrets(account: ServiceAccount): boolean {
  return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(account.metadata.annotations?.[ENFORCE_ANNOTATION] ?? '');
}

function secretFault(account: ServiceAccount, pod: Pod): string | undefined {
  const allowed = new Set((account.secrets ?? []).map((secret) => secret.name));
  const { name } = account.metadata;
  for (const volume of pod.spec?.volumes ?? []) {
    const secret = volume.secret?.secretName;
    if (volume.secret !== undefined && !allowed.has(secret)) {
      return `volume with secret.secretName="${secret ?? ''}" is not allowed because service account ${name} does not reference that secret`;
    }
  }
  const fault = containersFault(account, pod.spec?.initContainers ?? [], 'init container') ?? containersFault(account, pod.spec?.containers ?? [], 'container');
  if (fault !== undefined) return fault;
  const pull = new Set((account.imagePullSecrets ?? []).map((secret) => secret.name));
  const at = (pod.spec?.imagePullSecrets ?? []).findIndex((secret) => !pull.has(secret.name));
  if (at < 0) return undefined;
  return `imagePullSecrets[${at}].name="${pod.spec!.imagePullSecrets![at]!.name ?? ''}" is not allowed because service account ${name} does not reference that imagePullSecret`;
}

function containersFault(account: ServiceAccount, containers: readonly Pick<Container, 'name' | 'env' | 'envFrom'>[], kind: string): string | undefined {
  const allowed = new Set((account.secrets ?? []).map((secret) => secret.name));
  const because = `is not allowed because service account ${account.metadata.name} does not reference that secret`;
  for (const container of containers) {
    for (const { name, valueFrom } of container.env ?? []) {
      const secret = valueFrom?.secretKeyRef;
      if (secret !== undefined && !allowed.has(secret.name)) {
        return `${kind} ${container.name} with envVar ${name} referencing secret.secretName="${secret.name ?? ''}" ${because}`;
      }
    }
    for (const { secretRef } of container.envFrom ?? []) {
      if (secretRef !== undefined && !allowed.has(secretRef.name)) {
        return `${kind} ${container.name} with envFrom referencing secret.secretName="${secretRef.name ?? ''}" ${because}`;
      }
    }
  }
  return undefined;
}
