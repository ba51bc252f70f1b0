/** The rules of a request: for whom, from whom, how long, and a key that the asker has. */
import type { PodCertificateRequestSpec } from '#api/generated/certificates/v1beta1';
import { OMIT_VALUE } from '#machinery/field-error';
import { dns1123SubdomainFaults } from '#machinery/names';
import type { Faults } from '../../rules/faults.ts';
import { checkUserAnnotations } from '../../rules/pod-certificate.ts';
import { checkSignerName, isKubernetesSigner } from '../../rules/signers.ts';
import { keyFault, provesPossession, readPublicKey, readStubRequest } from './keys.ts';

const UID_BYTES_MAX = 128;
const KEY_BYTES_MAX = 10 * 1024;
const EXPIRATION_SECONDS_MIN = 60 * 60;
const EXPIRATION_SECONDS_MAX = 91 * 24 * 60 * 60;
const KUBERNETES_EXPIRATION_SECONDS_MAX = 24 * 60 * 60;

const SUBJECTS = [['podName', 'podUID'], ['serviceAccountName', 'serviceAccountUID'], ['nodeName', 'nodeUID']] as const;

export function checkRequest(spec: Partial<PodCertificateRequestSpec>, faults: Faults): void {
  checkSignerName(spec.signerName, 'spec.signerName', faults);
  checkUserAnnotations(spec.unverifiedUserAnnotations, 'spec.unverifiedUserAnnotations', faults);
  for (const [nameField, uidField] of SUBJECTS) {
    const name = spec[nameField] ?? '';
    const uid = spec[uidField] ?? '';
    faults.invalidAll(`spec.${nameField}`, name, dns1123SubdomainFaults(name));
    if (uid === '') faults.invalid(`spec.${uidField}`, '', 'must not be empty');
    if (uid.length > UID_BYTES_MAX) faults.tooLong(`spec.${uidField}`, UID_BYTES_MAX);
  }
  const seconds = spec.maxExpirationSeconds;
  if (seconds === undefined) return faults.required('spec.maxExpirationSeconds', 'must be set');
  const max = isKubernetesSigner(spec.signerName ?? '') ? KUBERNETES_EXPIRATION_SECONDS_MAX : EXPIRATION_SECONDS_MAX;
  if (seconds < EXPIRATION_SECONDS_MIN || seconds > max) {
    faults.invalid('spec.maxExpirationSeconds', seconds, `must be in the range [${EXPIRATION_SECONDS_MIN}, ${max}]`);
  }
  const { stubPKCS10Request: stub, pkixPublicKey: key, proofOfPossession: proof } = spec;
  if (stub && !key && !proof) checkStub(stub, faults);
  else if (!stub && key && proof) checkKey(key, proof, spec.podUID ?? '', faults);
  else faults.invalid('spec', OMIT_VALUE, 'exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set');
}

function checkStub(base64: string, faults: Faults): void {
  const place = 'spec.stubPKCS10Request';
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length > KEY_BYTES_MAX) return faults.tooLong(place, KEY_BYTES_MAX);
  const request = readStubRequest(bytes);
  if (request === undefined) return faults.invalid(place, OMIT_VALUE, 'must be a valid PKCS#10 CSR');
  if (request === 'invalid signature') return faults.invalid(place, OMIT_VALUE, 'invalid signature');
  const fault = keyFault(request, 'P256, P384, or P521');
  if (fault) faults.invalid(place, fault.value ?? OMIT_VALUE, fault.text);
}

function checkKey(keyBase64: string, proofBase64: string, podUid: string, faults: Faults): void {
  const place = 'spec.pkixPublicKey';
  const bytes = Buffer.from(keyBase64, 'base64');
  const proof = Buffer.from(proofBase64, 'base64');
  if (bytes.length > KEY_BYTES_MAX) return faults.tooLong(place, KEY_BYTES_MAX);
  if (proof.length > KEY_BYTES_MAX) return faults.tooLong('spec.proofOfPossession', KEY_BYTES_MAX);
  const key = readPublicKey(bytes);
  if (key === undefined) return faults.invalid(place, keyBase64, 'must be a valid PKIX-serialized public key');
  const fault = keyFault(key, 'P256 or P384');
  if (fault) return faults.invalid(place, fault.value ?? keyBase64, fault.text);
  if (!provesPossession(key, podUid, proof)) faults.invalid('spec.proofOfPossession', OMIT_VALUE, 'could not verify proof-of-possession signature');
}
