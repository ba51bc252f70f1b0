/**
 * A proxy in front of the API server that has authenticated the caller itself: `X-Remote-User`, `X-Remote-Group`,
 * `X-Remote-Uid`, `X-Remote-Extra-…`.
 *
 * The headers count only on a connection whose certificate the front-proxy authority signed for one of the allowed names.
 */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '#base/clock';
import { parseCertificate } from '#pki/certificate';
import type { ApiRequest } from '../request.ts';
import { NONE, type Authenticator } from './authenticator.ts';
import { certificateFault } from './client-certificate.ts';
import { headerValues, firstHeader, unescapeExtraKey } from './identity-headers.ts';

const EXTRA_PREFIX = 'x-remote-extra-';

export interface FrontProxyOptions {
  readonly authorities: () => readonly string[];
  /** Common names; empty: any that the authority signed. */
  readonly allowedNames: readonly string[];
  readonly clock: Clock;
}

export function frontProxyAuthenticator(options: FrontProxyOptions): Authenticator {
  const trusted = new WeakMap<Buffer, number>();
  const isTrusted = (bytes: Buffer): boolean => {
    const untilMs = trusted.get(bytes);
    if (untilMs !== undefined) return options.clock.now() < untilMs;
    const certificate = new X509Certificate(bytes);
    const good = certificateFault(certificate, options.authorities(), options.clock.now()) === undefined
      && (options.allowedNames.length === 0 || options.allowedNames.includes(parseCertificate(bytes).subject.commonName));
    trusted.set(bytes, good ? Date.parse(certificate.validTo) : 0);
    return good;
  };
  return {
    name: 'front-proxy',
    authenticate(request: ApiRequest) {
      const bytes = request.connection.clientCertificate;
      if (bytes === undefined) return NONE;
      const name = firstHeader(request.headers, 'x-remote-user');
      if (name === '' || !isTrusted(bytes)) return NONE;
      const extra: Record<string, string[]> = {};
      for (const header of Object.keys(request.headers).sort()) {
        if (header.startsWith(EXTRA_PREFIX)) extra[unescapeExtraKey(header.slice(EXTRA_PREFIX.length))] = headerValues(request.headers, header);
      }
      const uid = firstHeader(request.headers, 'x-remote-uid');
      return {
        kind: 'user',
        user: {
          name, groups: headerValues(request.headers, 'x-remote-group'),
          ...(uid === '' ? {} : { uid }), ...(Object.keys(extra).length === 0 ? {} : { extra }),
        },
      };
    },
  };
}
