/** The rules of a CSI driver's spec. */
import type { CSIDriverSpec, TokenRequest } from '#api/generated/storage/v1';
import type { Faults } from '../../rules/faults.ts';

const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;
const UPDATE_PERIOD_SECONDS_MIN = 10;

export function checkDriverSpec(spec: CSIDriverSpec, faults: Faults): void {
  if (spec.attachRequired === undefined) faults.required('spec.attachedRequired');
  if (spec.podInfoOnMount === undefined) faults.required('spec.podInfoOnMount');
  if (spec.storageCapacity === undefined) faults.required('spec.storageCapacity');
  if (spec.fsGroupPolicy !== undefined) faults.strictlyOneOf('spec.fsGroupPolicy', spec.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType']);
  checkTokenRequests(spec.tokenRequests, faults);
  for (const mode of spec.volumeLifecycleModes ?? []) faults.strictlyOneOf('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral']);
  if (spec.seLinuxMount === undefined) faults.required('spec.seLinuxMount');
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < UPDATE_PERIOD_SECONDS_MIN) {
    faults.invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds');
  }
  if (spec.serviceAccountTokenInSecrets !== undefined && !spec.tokenRequests?.length) {
    faults.invalid('spec.serviceAccountTokenInSecrets', spec.serviceAccountTokenInSecrets,
      'serviceAccountTokenInSecrets is set but no tokenRequests are specified');
  }
}

function checkTokenRequests(requests: readonly TokenRequest[] | undefined, faults: Faults): void {
  const audiences = new Set<string>();
  for (const [index, { audience = '', expirationSeconds }] of (requests ?? []).entries()) {
    const at = `spec.tokenRequests[${index}]`;
    if (audiences.has(audience)) {
      faults.duplicate(`${at}.audience`, audience);
      continue;
    }
    audiences.add(audience);
    if (expirationSeconds === undefined) continue;
    if (expirationSeconds < TOKEN_SECONDS_MIN) {
      faults.invalid(`${at}.expirationSeconds`, expirationSeconds, 'may not specify a duration less than 10 minutes');
    }
    if (expirationSeconds > TOKEN_SECONDS_MAX) {
      faults.invalid(`${at}.expirationSeconds`, expirationSeconds, 'may not specify a duration larger than 2^32 seconds');
    }
  }
}
