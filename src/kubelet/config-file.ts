/**
 * `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1) → the kubelet's settings. An unknown field or a bad value is refused by
 * name; fields of features that this kubelet has no switch for are accepted only with the value it behaves by.
 */
import { ConfigError } from '#component/config-file';
import { parseDurationMs } from '#machinery/duration';
import type { KubeletConfig } from './config.ts';

export const KUBELET_CONFIG_VERSIONS = ['kubelet.config.k8s.io/v1beta1'];

type Reader = (value: unknown, field: string) => Partial<KubeletConfig>;

const number = (key: keyof KubeletConfig): Reader => (value, field) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ConfigError(`${field}: Invalid value: must be a number`);
  return { [key]: value };
};
const text = (key: keyof KubeletConfig): Reader => (value, field) => {
  if (typeof value !== 'string') throw new ConfigError(`${field}: Invalid value: must be a string`);
  return { [key]: value };
};
const flag = (key: keyof KubeletConfig): Reader => (value, field) => {
  if (typeof value !== 'boolean') throw new ConfigError(`${field}: Invalid value: must be true or false`);
  return { [key]: value };
};
const list = (key: keyof KubeletConfig): Reader => (value, field) => {
  if (!Array.isArray(value)) throw new ConfigError(`${field}: Invalid value: must be a list`);
  return { [key]: value };
};
const map = (key: keyof KubeletConfig): Reader => (value, field) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ConfigError(`${field}: Invalid value: must be an object`);
  return { [key]: value };
};
const duration = (key: keyof KubeletConfig): Reader => (value, field) => ({ [key]: durationMs(value, field) });

function durationMs(value: unknown, field: string): number {
  try { return parseDurationMs(String(value)); } catch { throw new ConfigError(`${field}: Invalid value: ${JSON.stringify(value)}: must be a duration such as 10s`); }
}

/** Only this value is what the kubelet does. */
const fixed = (...allowed: readonly unknown[]): Reader => (value, field) => {
  if (allowed.some((one) => JSON.stringify(one) === JSON.stringify(value))) return {};
  throw new ConfigError(`${field}: Unsupported value: ${JSON.stringify(value)}: supported values: ${allowed.map((one) => JSON.stringify(one)).join(', ')}`);
};

const FIELDS: Readonly<Record<string, Reader>> = {
  address: text('address'), port: number('port'), healthzPort: number('healthzPort'), readOnlyPort: fixed(0),
  staticPodPath: text('podManifestPath'), fileCheckFrequency: duration('manifestCheckMs'), syncFrequency: duration('syncPeriodMs'),
  clusterDomain: text('clusterDomain'), clusterDNS: list('clusterDns'), resolvConf: text('resolvConf'),
  nodeStatusUpdateFrequency: duration('nodeStatusUpdateMs'), nodeStatusReportFrequency: duration('nodeStatusReportMs'), nodeLeaseDurationSeconds: number('leaseDurationSeconds'),
  imageMinimumGCAge: duration('imageMinimumGcAgeMs'), imageGCHighThresholdPercent: number('imageGcHighThresholdPercent'), imageGCLowThresholdPercent: number('imageGcLowThresholdPercent'),
  serializeImagePulls: flag('serializeImagePulls'), maxParallelImagePulls: number('maxParallelImagePulls'),
  cgroupRoot: text('cgroupRoot'), cgroupDriver: fixed('cgroupfs'), cgroupsPerQOS: fixed(true), maxPods: number('maxPods'), podPidsLimit: number('podPidsLimit'),
  evictionHard: map('evictionHard'), evictionPressureTransitionPeriod: duration('evictionPressureTransitionMs'), evictionMaxPodGracePeriod: number('evictionMaxPodGraceSeconds'),
  containerLogMaxSize: (value) => ({ containerLogMaxBytes: sizeOf(value) }), containerLogMaxFiles: number('containerLogMaxFiles'),
  seccompDefault: flag('seccompDefault'), allowedUnsafeSysctls: list('allowedUnsafeSysctls'), registerWithTaints: list('registerWithTaints'),
  systemReserved: map('reserved'), kubeReserved: map('reserved'), containerRuntimeEndpoint: text('runtimeEndpoint'), imageServiceEndpoint: text('imageEndpoint'),
  podLogsDir: text('podLogsDir'), enableServer: fixed(true), failSwapOn: fixed(false), rotateCertificates: fixed(true, false), serverTLSBootstrap: fixed(false),
  authentication: fixed({ anonymous: { enabled: false }, webhook: { enabled: true } }), authorization: fixed({ mode: 'Webhook' }),
};

function sizeOf(value: unknown): number {
  const match = /^(\d+)(Ki|Mi|Gi)?$/.exec(String(value));
  if (match === null) throw new ConfigError(`containerLogMaxSize: Invalid value: ${JSON.stringify(value)}: must be a size such as 10Mi`);
  return Number(match[1]) * ({ Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 }[match[2] ?? ''] ?? 1);
}

/** @throws ConfigError naming the field. */
export function kubeletConfigFrom(document: Readonly<Record<string, unknown>>): Partial<KubeletConfig> {
  let config: Partial<KubeletConfig> = {};
  for (const [field, value] of Object.entries(document)) {
    if (field === 'kind' || field === 'apiVersion' || value === null) continue;
    const reader = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
    if (reader === undefined) throw new ConfigError(`unknown field ${JSON.stringify(field)}`);
    const read = reader(value, field);
    config = { ...config, ...read, ...(read.reserved === undefined ? {} : { reserved: { ...config.reserved, ...read.reserved } }) };
  }
  return config;
}
