/** The checks of the restricted level: good hardening practice. Texts are upstream's; ids give the order. */
import type { Volume } from '#api/generated/core/v1';
import { procMount } from './baseline-checks.ts';
import { named, plural, quoted, setters, sortedSet, unlessOwnUserNamespace, unlessWindows, use, type AnyContainer, type Check, type CheckPod } from './check.ts';
import { seccompFields } from './seccomp.ts';

const names = (containers: readonly AnyContainer[]): string[] => containers.map(({ name }) => name);

const allowPrivilegeEscalation: CheckPod = ({ containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return { reason: 'allowPrivilegeEscalation != false', detail: `${named('container', names(bad))} must set securityContext.allowPrivilegeEscalation=false` };
};

const capabilities: CheckPod = ({ containers }) => {
  const missing = containers.filter(({ securityContext }) => securityContext?.capabilities?.drop?.includes('ALL') !== true);
  const added = ({ securityContext }: AnyContainer): string[] => (securityContext?.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE');
  const adding = containers.filter((container) => added(container).length > 0);
  const details = [
    ...(missing.length === 0 ? [] : [`${named('container', names(missing))} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(adding.length === 0 ? [] : [`${named('container', names(adding))} must not include ${quoted(sortedSet(adding.flatMap(added)))} in securityContext.capabilities.add`]),
  ];
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const FREE_VOLUMES = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected', 'secret'] as const;
const OTHER_VOLUMES = [
  'hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'gitRepo', 'nfs', 'iscsi', 'glusterfs', 'rbd', 'flexVolume', 'cinder', 'cephfs', 'flocker', 'fc',
  'azureFile', 'vsphereVolume', 'quobyte', 'azureDisk', 'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'storageos',
] as const satisfies readonly (keyof Volume)[];

const volumeTypes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => !FREE_VOLUMES.some((type) => volume[type] !== undefined));
  if (bad.length === 0) return undefined;
  const types = sortedSet(bad.map((volume) => OTHER_VOLUMES.find((type) => volume[type] !== undefined) ?? 'unknown'));
  const detail = `${named('volume', bad.map(({ name }) => name))} ${use(bad.length)} ${plural('restricted volume type', types.length)} ${quoted(types)}`;
  return { reason: 'restricted volume types', detail };
};

const runAsNonRoot: CheckPod = ({ spec, containers }) => {
  const reason = 'runAsNonRoot != true';
  const pod = spec.securityContext?.runAsNonRoot;
  const explicit = containers.filter(({ securityContext }) => securityContext?.runAsNonRoot === false);
  const who = setters(pod === false, names(explicit));
  if (who !== '') return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const implicit = pod === true ? [] : containers.filter(({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  return implicit.length === 0 ? undefined : { reason, detail: `pod or ${named('container', names(implicit))} must set securityContext.runAsNonRoot=true` };
};

const runAsUser: CheckPod = ({ spec, containers }) => {
  const bad = containers.filter(({ securityContext }) => securityContext?.runAsUser === 0);
  const who = setters(spec.securityContext?.runAsUser === 0, names(bad));
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

const level = 'restricted';
const capabilityOverride = ['capabilities_baseline'];
const seccompOverride = ['seccompProfile_baseline'];

export const RESTRICTED_CHECKS: readonly Check[] = [
  { id: 'allowPrivilegeEscalation', level, revisions: [{ since: 8, check: allowPrivilegeEscalation }, { since: 25, check: unlessWindows(allowPrivilegeEscalation) }] },
  {
    id: 'capabilities_restricted', level,
    revisions: [{ since: 22, check: capabilities, overrides: capabilityOverride }, { since: 25, check: unlessWindows(capabilities), overrides: capabilityOverride }],
  },
  { id: 'procMount_restricted', level, revisions: [{ since: 35, check: procMount, overrides: ['procMount'] }] },
  { id: 'restrictedVolumes', level, revisions: [{ since: 0, check: volumeTypes, overrides: ['hostPathVolumes'] }] },
  { id: 'runAsNonRoot', level, revisions: [{ since: 0, check: runAsNonRoot }, { since: 35, check: unlessOwnUserNamespace(runAsNonRoot) }] },
  { id: 'runAsUser', level, revisions: [{ since: 23, check: runAsUser }, { since: 35, check: unlessOwnUserNamespace(runAsUser) }] },
  {
    id: 'seccompProfile_restricted', level,
    revisions: [{ since: 19, check: seccompFields(true), overrides: seccompOverride }, { since: 25, check: unlessWindows(seccompFields(true)), overrides: seccompOverride }],
  },
];
