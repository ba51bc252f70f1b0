/** The rules of a signer's answer: one of issued, denied and failed, once and for all. */
import { X509Certificate } from 'node:crypto';
import type { PodCertificateRequest, PodCertificateRequestStatus } from '#api/generated/certificates/v1beta1';
import { semanticEqual } from '#machinery/deep-equal';
import { OMIT_VALUE, path } from '#machinery/field-error';
import { formatDurationMs } from '#machinery/duration';
import { formatTime, parseTime } from '#machinery/time';
import { validateConditions } from '#machinery/validation/conditions';
import { parseCertificate } from '#pki/certificate';
import { decodePem } from '#pki/pem';
import type { Faults } from '../../rules/faults.ts';
import { readPublicKey, readStubRequest } from './keys.ts';

const ANSWERS = ['Issued', 'Denied', 'Failed'];
const CHAIN_BYTES_MAX = 100 * 1024;
const MINUTE_MS = 60_000;
const SKEW_MS = 5 * MINUTE_MS;
const REFRESH_MARGIN_MS = 10 * MINUTE_MS;
const LIFETIME_MS_MIN = 60 * MINUTE_MS;
const CHAIN = 'status.certificateChain';

function has(request: PodCertificateRequest, answer: string): boolean {
  return (request.status?.conditions ?? []).some(({ type, status }) => type === answer && status === 'True');
}

export function checkStatus(request: PodCertificateRequest, old: PodCertificateRequest, nowMs: number, faults: Faults): void {
  checkConditions(request, faults);
  if (faults.count > 0) return;
  const { status = {} } = request;
  const same = (other: PodCertificateRequestStatus | undefined, text: string): void => {
    if (!semanticEqual(status, other ?? {})) faults.invalid('status', OMIT_VALUE, text);
  };
  if (ANSWERS.some((answer) => has(old, answer))) same(old.status, 'immutable after PodCertificateRequest is issued, denied, or failed');
  else if (has(request, 'Denied') || has(request, 'Failed')) {
    same(status.conditions ? { conditions: status.conditions } : {}, 'non-condition status fields must be empty when denying or failing the PodCertificateRequest');
  } else if (has(request, 'Issued')) checkIssued(request, old, nowMs, faults);
  else same(old.status, 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"');
}

function checkConditions(request: PodCertificateRequest, faults: Faults): void {
  const conditions = request.status?.conditions ?? [];
  let answers = 0;
  for (const [index, { type, status }] of conditions.entries()) {
    const at = `status.conditions.[${index}]`;
    if (!ANSWERS.includes(type)) {
      faults.notSupported(`${at}.type`, type, ANSWERS);
      continue;
    }
    answers += 1;
    if (answers > 1) faults.invalid(`${at}.type`, type, 'There may be at most one condition with type "Issued", "Denied", or "Failed"');
    faults.strictlyOneOf(`${at}.status`, status, ['True']);
  }
  faults.add(validateConditions(conditions, path('status', 'conditions')));
}

function checkIssued(request: PodCertificateRequest, old: PodCertificateRequest, nowMs: number, faults: Faults): void {
  const chain = request.status?.certificateChain ?? '';
  if (Buffer.byteLength(chain) > CHAIN_BYTES_MAX) return faults.tooLong(CHAIN, CHAIN_BYTES_MAX);
  const [leafBlock, ...others] = decodePem(chain);
  if (leafBlock === undefined) return faults.invalid(CHAIN, chain, 'issued certificate chain must contain at least one certificate');
  if (leafBlock.label !== 'CERTIFICATE') return faults.invalid(CHAIN, chain, 'issued certificate chain must consist entirely of CERTIFICATE PEM blocks');
  const leaf = readCertificate(leafBlock.bytes);
  if (leaf === undefined) return faults.invalid(CHAIN, chain, 'leaf certificate does not parse as valid X.509');
  checkNames(leafBlock.bytes, faults);
  const spec = old.spec;
  const key = spec?.stubPKCS10Request
    ? readStubRequest(Buffer.from(spec.stubPKCS10Request, 'base64')) : readPublicKey(Buffer.from(spec?.pkixPublicKey ?? '', 'base64'));
  if (key === undefined || typeof key === 'string' || !leaf.publicKey.equals(key)) {
    return faults.invalid(CHAIN, chain, 'leaf certificate was not issued to the requested public key');
  }
  if (!checkTimes(request, leaf, nowMs, faults)) return;
  for (const block of others) {
    if (block.label !== 'CERTIFICATE') return faults.invalid(CHAIN, chain, 'issued certificate chain must consist entirely of CERTFICATE PEM blocks');
    if (readCertificate(block.bytes) === undefined) return faults.invalid(CHAIN, chain, 'intermediate certificate does not parse as valid X.509');
  }
}

function readCertificate(bytes: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

function checkNames(bytes: Buffer, faults: Faults): void {
  const { dnsNames = [], emails = [] } = parseCertificate(bytes).names ?? {};
  for (const name of dnsNames) {
    if (name === '') faults.invalid(CHAIN, name, 'leaf certificate should not contain empty DNSName');
    if (name.includes('..')) faults.invalid(CHAIN, name, "leaf certificate's DNSName should not contain '..'");
    if (name.startsWith('.') || name.endsWith('.')) faults.invalid(CHAIN, name, "leaf certificate's DNSName should not start or end with '.'");
  }
  for (const email of emails) {
    if (!/^[^\s@<>]+@[^\s@<>]+$/.test(email)) faults.invalid(CHAIN, email, 'leaf certificate should not contain invalid EmailAddress');
  }
}

/** @returns whether the times are as they should be. */
function checkTimes(request: PodCertificateRequest, leaf: X509Certificate, nowMs: number, faults: Faults): boolean {
  const { notBefore, notAfter, beginRefreshAt } = request.status ?? {};
  const consistent = 'must be present and consistent with the issued certificate';
  if (!notBefore) faults.required('status.notBefore', consistent);
  if (!notAfter) faults.required('status.notAfter', consistent);
  if (!beginRefreshAt) faults.required('status.beginRefreshAt', 'must be present and in the range [notbefore+10min, notafter-10min]');
  if (!notBefore || !notAfter || !beginRefreshAt) return false;
  const from = Date.parse(leaf.validFrom);
  const to = Date.parse(leaf.validTo);
  const refresh = parseTime(beginRefreshAt);
  const lifetime = to - from;
  const max = request.spec?.maxExpirationSeconds ?? 0;
  const refuse = (place: string, value: string, text: string): boolean => {
    faults.invalid(place, value, text);
    return false;
  };
  const time = (ms: number): string => formatTime(ms);
  if (parseTime(notBefore) !== from) return refuse('status.notBefore', notBefore, 'must be set to the NotBefore time encoded in the leaf certificate');
  if (Math.abs(from - nowMs) >= SKEW_MS) return refuse('status.notBefore', notBefore, "must be set to within 5 minutes of kube-apiserver's current time");
  if (parseTime(notAfter) !== to) return refuse('status.notAfter', notAfter, 'must be set to the NotAfter time encoded in the leaf certificate');
  if (lifetime < LIFETIME_MS_MIN) return refuse(CHAIN, formatDurationMs(lifetime), 'leaf certificate lifetime must be >= 1 hour');
  if (lifetime > max * 1000) return refuse(CHAIN, formatDurationMs(lifetime), `leaf certificate lifetime must be <= spec.maxExpirationSeconds (${max})`);
  if (refresh < from + REFRESH_MARGIN_MS) return refuse('status.beginRefreshAt', time(refresh), 'must be at least 10 minutes after status.notBefore');
  if (refresh > to - REFRESH_MARGIN_MS) return refuse('status.beginRefreshAt', time(refresh), 'must be at least 10 minutes before status.notAfter');
  return true;
}
