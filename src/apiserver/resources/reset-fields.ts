/**
 * Which fields an endpoint does not let be written, and so nobody owns by writing through it: `/status` leaves the spec alone, the
 * main resource the status. Upstream's table; an endpoint that is not in it resets nothing.
 */
import { setOfPaths } from '#machinery/managed-fields/field-set';
import type { FieldPattern, FieldSet } from '#machinery/managed-fields/field-set';
import type { KindVersions } from '#machinery/managed-fields/updater';

const STATUS = setOfPaths(['f:status']);
const SPEC = setOfPaths(['f:spec']);
const SPEC_AND_METADATA = setOfPaths(['f:spec'], ['f:metadata']);

/** `/status` of these also resets metadata. */
const METADATA_IS_RESET: ReadonlySet<string> = new Set([
  'scheduling.k8s.io/podgroups', 'networking.k8s.io/servicecidrs', 'storagemigration.k8s.io/storageversionmigrations',
  'resource.k8s.io/resourceclaims', 'resource.k8s.io/devicetaintrules', 'resource.k8s.io/resourcepoolstatusrequests',
  'internal.apiserver.k8s.io/storageversions', 'storage.k8s.io/volumeattachments', 'flowcontrol.apiserver.k8s.io/flowschemas',
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations', 'admissionregistration.k8s.io/validatingadmissionpolicies',
  'apiregistration.k8s.io/apiservices',
]);

/** By `group/resource/subresource`. */
const OTHERS: Readonly<Record<string, FieldSet>> = {
  'certificates.k8s.io/certificatesigningrequests/': setOfPaths(['f:spec'], ['f:status']),
  'certificates.k8s.io/certificatesigningrequests/status': setOfPaths(['f:spec'], ['f:status', 'f:conditions']),
  'certificates.k8s.io/certificatesigningrequests/approval': setOfPaths(['f:spec'], ['f:status', 'f:certificate']),
  'apps/deployments/status': setOfPaths(['f:spec'], ['f:metadata', 'f:labels']),
  '/pods/status': setOfPaths(['f:spec'], ['f:metadata', 'f:deletionTimestamp'], ['f:metadata', 'f:ownerReferences']),
  '/namespaces/finalize': STATUS,
};

const RESIZED: FieldPattern = { '*': { 'f:resources': true, 'f:resizePolicy': true } };
const WRITABLE: Readonly<Record<string, FieldPattern>> = {
  '/pods/resize': { 'f:spec': { 'f:containers': RESIZED, 'f:initContainers': RESIZED } },
  '/pods/ephemeralcontainers': { 'f:spec': { 'f:ephemeralContainers': true } },
};

/** @param hasStatus the resource has a `/status`. @param custom it is a custom resource. */
export function endpointFields(group: string, resource: string, subresource: string, hasStatus: boolean, custom: boolean):
Pick<KindVersions, 'resetFields' | 'writableFields'> {
  const name = `${group}/${resource}`;
  const writable = WRITABLE[`${name}/${subresource}`];
  if (writable !== undefined) return { writableFields: writable };
  let reset = OTHERS[`${name}/${subresource}`];
  if (reset === undefined && hasStatus) {
    if (subresource === '') reset = STATUS;
    else if (subresource === 'status') reset = custom || METADATA_IS_RESET.has(name) ? SPEC_AND_METADATA : SPEC;
  }
  return reset === undefined ? {} : { resetFields: () => reset };
}
