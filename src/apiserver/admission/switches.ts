/**
 * Which of the built-in plugins run: upstream's defaults, changed by `--enable-admission-plugins` and `--disable-admission-plugins`.
 * Rules that are no plugins upstream always run.
 */
import { quote } from '#machinery/go-print';

/** Names of plugins that differ from the defaults. */
export interface AdmissionSwitches { readonly enable: readonly string[]; readonly disable: readonly string[] }

export class UnknownPluginError extends Error {}

export const DEFAULT_PLUGINS: AdmissionSwitches = { enable: [], disable: [] };

/** As upstream. */
const ON_BY_DEFAULT: ReadonlySet<string> = new Set([
  'NamespaceLifecycle', 'LimitRanger', 'ServiceAccount', 'NodeRestriction', 'TaintNodesByCondition', 'PodSecurity', 'Priority', 'DefaultTolerationSeconds',
  'DefaultStorageClass', 'StorageObjectInUseProtection', 'PersistentVolumeClaimResize', 'RuntimeClass', 'CertificateApproval', 'CertificateSigning',
  'ClusterTrustBundleAttest', 'CertificateSubjectRestriction', 'DefaultIngressClass', 'PodTopologyLabels', 'MutatingAdmissionPolicy', 'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy', 'ValidatingAdmissionWebhook', 'ResourceQuota',
]);
const OFF_BY_DEFAULT: ReadonlySet<string> = new Set(['AlwaysPullImages', 'ExtendedResourceToleration', 'OwnerReferencesPermissionEnforcement', 'DenyServiceExternalIPs']);
export const SWITCHABLE: ReadonlySet<string> = new Set([...ON_BY_DEFAULT, ...OFF_BY_DEFAULT]);

/** @throws UnknownPluginError when a switch names no plugin, or one plugin is switched both ways */
export function checkSwitches(switches: AdmissionSwitches): void {
  for (const list of ['enable', 'disable'] as const) {
    for (const name of switches[list]) if (!SWITCHABLE.has(name)) throw new UnknownPluginError(`${list}-admission-plugins plugin ${quote(name)} is unknown`);
  }
  const both = switches.enable.filter((name) => switches.disable.includes(name));
  if (both.length > 0) throw new UnknownPluginError(`[${both.sort().join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`);
}

export function isSwitchedOn(name: string, { enable, disable }: AdmissionSwitches): boolean {
  return !disable.includes(name) && (!OFF_BY_DEFAULT.has(name) || enable.includes(name));
}
