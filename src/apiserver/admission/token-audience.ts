/**
 * For whom a kubelet may ask a token: an audience one of the pod's volumes names (projected tokens, CSI drivers), or one the
 * node was given by the verb `request-serviceaccounts-token-audience`.
 */
import { persistentvolumeclaims, persistentvolumes, type Pod, type Volume } from '#api/generated/core/v1';
import { csidrivers } from '#api/generated/storage/v1';
import { quote } from '#machinery/go-print';
import { resourceAttributes } from '../authz/attributes.ts';
import { fresh, type AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes } from './plugin.ts';

/** @returns why not; undefined when the audience may be asked for. */
export async function audienceFault(audiences: readonly string[], pod: Pod, attributes: AdmissionAttributes, dependencies: AdmissionDependencies): Promise<string | undefined> {
  if (audiences.length > 1) return 'node may only request 0 or 1 audiences';
  const audience = audiences[0] ?? '';
  const errors: string[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken !== undefined && (source.serviceAccountToken.audience ?? '') === audience) === true) return undefined;
    const driver = await driverOf(volume, pod, attributes, dependencies, errors);
    if (driver === '') continue;
    const found = await fresh(dependencies.client, csidrivers, driver, undefined, attributes.signal);
    if (found === undefined) errors.push(`csidriver.storage.k8s.io ${quote(driver)} not found`);
    else if (found.spec.tokenRequests?.some((request) => request.audience === audience) === true) return undefined;
  }
  if (errors.length > 0) {
    const distinct = [...new Set(errors)];
    return `error validating audience ${quote(audience)}: ${distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`}`;
  }
  const { user, namespace, name } = attributes;
  const question = resourceAttributes({ user, verb: 'request-serviceaccounts-token-audience', group: '', version: 'v1', resource: audience, name, namespace });
  const { decision } = await dependencies.authorizer.authorize(question);
  if (decision === 'allow') return undefined;
  return `audience ${quote(audience)} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`;
}

async function driverOf(volume: Volume, pod: Pod, { namespace, signal }: AdmissionAttributes, { client }: AdmissionDependencies, errors: string[]): Promise<string> {
  if (volume.csi !== undefined) return volume.csi.driver;
  const claimName = volume.ephemeral === undefined ? volume.persistentVolumeClaim?.claimName : `${pod.metadata.name}-${volume.name}`;
  if (claimName === undefined) return '';
  const claim = await fresh(client, persistentvolumeclaims, claimName, namespace, signal);
  if (claim === undefined) { errors.push(`persistentvolumeclaim ${quote(claimName)} not found`); return ''; }
  const volumeName = claim.spec?.volumeName ?? '';
  const found = volumeName === '' ? undefined : await fresh(client, persistentvolumes, volumeName, undefined, signal);
  if (found === undefined) { errors.push(`persistentvolume ${quote(volumeName)} not found`); return ''; }
  return found.spec?.csi?.driver ?? '';
}
