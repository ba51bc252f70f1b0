/**
 * Client certificates: common name → user, organizations → groups.
 *
 * The TLS layer asks for a certificate but refuses none; it is judged here against the client authorities alone (TLS also knows
 * the front proxy's), so that a bad certificate can still be beside a good token and is 401 otherwise. Verdicts are kept per connection (its certificate buffer) until the
 * certificate ends.
 */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import { certificateFingerprint, parseCertificate } from '#pki/certificate';
import { NONE, type AuthenticationResult, type Authenticator } from './authenticator.ts';

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const [HOUR, DAY] = [3600, 86_400];
const EXPIRATION_BUCKETS = [0, HOUR / 2, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY, 30 * DAY, 90 * DAY, 180 * DAY, 365 * DAY];
const ANY_USAGE = '2.5.29.37.0';
export const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

interface Verdict { readonly result: AuthenticationResult; readonly untilMs: number }

/** @param authorities the client authorities' certificates as PEM; read at each new connection, so that a bundle may change. */
export function clientCertificateAuthenticator(options: { authorities: () => readonly string[]; clock: Clock; metrics: MetricsRegistry }): Authenticator {
  const left = options.metrics.histogram({ name: 'apiserver_client_certificate_expiration_seconds', buckets: EXPIRATION_BUCKETS, help: 'Distribution of the remaining lifetime on the certificate used to authenticate a request.' });
  const verdicts = new WeakMap<Buffer, Verdict>();
  return {
    name: 'client-certificate',
    authenticate({ connection }) {
      const bytes = connection.clientCertificate;
      if (!connection.tls || bytes === undefined) return NONE;
      const known = verdicts.get(bytes);
      if (known !== undefined && options.clock.now() < known.untilMs) {
        left.observe((known.untilMs - options.clock.now()) / 1000);
        return known.result;
      }
      const certificate = new X509Certificate(bytes);
      const fault = certificateFault(certificate, options.authorities(), options.clock.now());
      left.observe((Date.parse(certificate.validTo) - options.clock.now()) / 1000);
      const result = fault === undefined ? userOf(bytes) : { kind: 'invalid', reason: fault } as const;
      verdicts.set(bytes, { result, untilMs: fault === undefined ? Date.parse(certificate.validTo) : 0 });
      return result;
    },
  };
}

function userOf(bytes: Buffer): AuthenticationResult {
  const { commonName, organizations } = parseCertificate(bytes).subject;
  if (commonName === '') return NONE;
  const extra = { [CREDENTIAL_ID]: [`X509SHA256=${certificateFingerprint(bytes)}`] };
  return { kind: 'user', user: { name: commonName, groups: organizations, extra } };
}

/** Why the certificate does not prove anything here; undefined when it does. */
export function certificateFault(certificate: X509Certificate, authorities: readonly string[], nowMs: number): string | undefined {
  if (nowMs < Date.parse(certificate.validFrom) || nowMs > Date.parse(certificate.validTo)) return 'the certificate has expired or is not yet valid';
  const usages = certificate.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(CLIENT_AUTH) && !usages.includes(ANY_USAGE)) return 'the certificate is not for client authentication';
  for (const pem of authorities) {
    const authority = new X509Certificate(pem);
    if (certificate.checkIssued(authority) && certificate.verify(authority.publicKey)) return undefined;
  }
  return 'the certificate is signed by an unknown authority';
}
