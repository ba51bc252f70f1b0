/** Validation of signing requests, with upstream's texts; what an old object already had wrong is let be. */
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '#api/generated/certificates/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { duplicate, forbidden, invalid, notSupported, path, required, type FieldError } from '#machinery/field-error';
import { quote } from '#machinery/go-print';
import { parseSigningRequest, SigningRequestError } from '#pki/signing-request';
import { Faults } from '../../rules/faults.ts';
import { checkSignerName } from '../../rules/signers.ts';
import { certificateFault } from './issued-certificate.ts';

const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const SECONDS_MIN = 600;
const USAGES = [
  'any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only', 'digital signature',
  'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel', 'ipsec user', 'key agreement', 'key encipherment', 'microsoft sgc',
  'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping',
];
const ONLY_TRUE: ReadonlySet<string> = new Set(['Approved', 'Denied', 'Failed']);

export function validateRequest(request: CertificateSigningRequest, old: CertificateSigningRequest | undefined): FieldError[] {
  return [...specFaults(request, old), ...conditionFaults(request, old), ...issuedFaults(request, old)];
}

function specFaults({ spec }: CertificateSigningRequest, old: CertificateSigningRequest | undefined): FieldError[] {
  const faults: FieldError[] = [];
  const text = requestFault(spec.request);
  if (text !== undefined) faults.push(invalid(path('spec', 'request'), spec.request ?? null, text));
  const usages = spec.usages ?? [];
  const before = old?.spec.usages ?? [];
  const at = path('spec', 'usages');
  if (usages.length === 0) faults.push(required(at));
  if (!before.some((usage) => !USAGES.includes(usage))) {
    usages.forEach((usage, i) => { if (!USAGES.includes(usage)) faults.push(notSupported(at.index(i), usage, USAGES)); });
  }
  if (new Set(before).size === before.length) {
    usages.forEach((usage, i) => { if (usages.indexOf(usage) < i) faults.push(duplicate(at.index(i), usage)); });
  }
  if (spec.signerName === LEGACY_SIGNER && old?.spec.signerName !== LEGACY_SIGNER) {
    faults.push(invalid(path('spec', 'signerName'), spec.signerName, 'the legacy signerName is not allowed via this API version'));
  } else {
    const signer = new Faults();
    checkSignerName(spec.signerName, 'spec.signerName', signer);
    faults.push(...signer.errors);
  }
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < SECONDS_MIN) {
    faults.push(invalid(path('spec', 'expirationSeconds'), spec.expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  }
  return faults;
}

function requestFault(base64: string | undefined): string | undefined {
  try {
    parseSigningRequest(Buffer.from(base64 ?? '', 'base64').toString('latin1'));
    return undefined;
  } catch (error) {
    if (error instanceof SigningRequestError) return error.message;
    throw error;
  }
}

function conditionsOf(request: CertificateSigningRequest | undefined, type?: string): CertificateSigningRequestCondition[] {
  return (request?.status?.conditions ?? []).filter((condition) => type === undefined || condition.type === type);
}

function conditionFaults(request: CertificateSigningRequest, old: CertificateSigningRequest | undefined): FieldError[] {
  const faults: FieldError[] = [];
  const at = path('status', 'conditions');
  const before = conditionsOf(old).map(({ type }) => type);
  const hadBoth = before.includes('Approved') && before.includes('Denied');
  const hadTwice = new Set(before).size < before.length;
  const seen = new Set<string>();
  conditionsOf(request).forEach(({ type = '', status = '' }, i) => {
    if (type === '' && !before.includes('')) faults.push(required(at.index(i).child('type')));
    const allowed = ONLY_TRUE.has(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (status === '') faults.push(required(at.index(i).child('status')));
    else if (!allowed.includes(status)) faults.push(notSupported(at.index(i).child('status'), status, allowed));
    const opposite = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (!hadBoth && opposite !== undefined && seen.has(opposite)) faults.push(invalid(at, type, 'Approved and Denied conditions are mutually exclusive'));
    if (!hadTwice && seen.has(type)) faults.push(duplicate(at.index(i).child('type'), type));
    seen.add(type);
  });
  return faults;
}

function issuedFaults({ status }: CertificateSigningRequest, old: CertificateSigningRequest | undefined): FieldError[] {
  const certificate = status?.certificate ?? '';
  const before = old?.status?.certificate ?? '';
  if (before !== '' && (before === certificate || certificateFault(before) !== undefined)) return [];
  const text = certificate === '' ? undefined : certificateFault(certificate);
  return text === undefined ? [] : [invalid(path('status', 'certificate'), '<certificate data>', text)];
}

export function validateRequestUpdate(
  request: CertificateSigningRequest, old: CertificateSigningRequest, may: { setsApproval: boolean; setsCertificate: boolean },
): FieldError[] {
  const faults = validateRequest(request, old);
  const at = path('status', 'conditions');
  for (const type of ['Approved', 'Denied', 'Failed']) {
    if (conditionsOf(request, type).length < conditionsOf(old, type).length) faults.push(forbidden(at, `updates may not remove a condition of type ${quote(type)}`));
  }
  for (const type of may.setsApproval ? [] : ['Approved', 'Denied']) {
    const now = conditionsOf(request, type);
    const before = conditionsOf(old, type);
    if (now.length > before.length) faults.push(forbidden(at, `updates may not add a condition of type ${quote(type)}`));
    else if (now.length === before.length && !semanticEqual(now, before)) faults.push(forbidden(at, `updates may not modify a condition of type ${quote(type)}`));
  }
  const certificate = request.status?.certificate ?? '';
  const before = old.status?.certificate ?? '';
  if (certificate !== before) {
    const place = path('status', 'certificate');
    if (!may.setsCertificate) faults.push(forbidden(place, 'updates may not set certificate content'));
    else if (before !== '') faults.push(forbidden(place, 'updates may not modify existing certificate content'));
  }
  return faults;
}
