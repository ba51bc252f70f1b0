/** Secrets as a resource. `stringData` is merged into `data` when a secret is read from a request. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { secrets, type Secret } from '#api/generated/core/v1';
import { configMapKeyFaults } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { base64Bytes, checkImmutableData, DATA_BYTES_MAX, emptyNulls } from '../../rules/data.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';

const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
const REDACTED = '<secret contents redacted>';

/** Which keys a type wants. With `any`, one of them is enough. */
const WANTED_KEYS: Readonly<Record<string, { readonly keys: readonly string[]; readonly any?: boolean; readonly json?: boolean; readonly filled?: boolean }>> = {
  'kubernetes.io/dockercfg': { keys: ['.dockercfg'], json: true },
  'kubernetes.io/dockerconfigjson': { keys: ['.dockerconfigjson'], json: true },
  'kubernetes.io/basic-auth': { keys: ['username', 'password'], any: true },
  'kubernetes.io/ssh-auth': { keys: ['ssh-privatekey'], filled: true },
  'kubernetes.io/tls': { keys: ['tls.crt', 'tls.key'] },
};

function defaultSecret(secret: Secret): void {
  secret.type ||= 'Opaque';
  emptyNulls(secret.data);
  if (secret.stringData) {
    const encoded = Object.entries(secret.stringData).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    if (encoded.length > 0) secret.data = { ...secret.data, ...Object.fromEntries(encoded) };
    delete secret.stringData;
  }
}

function checkSecret(secret: Secret, faults: Faults): void {
  const data = secret.data ?? {};
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    faults.invalidAll(`data[${key}]`, key, configMapKeyFaults(key));
    bytes += base64Bytes(value);
  }
  if (bytes > DATA_BYTES_MAX) faults.tooLong('data', DATA_BYTES_MAX);
  if (secret.type === 'kubernetes.io/service-account-token' && !secret.metadata.annotations?.[ACCOUNT_NAME]) {
    faults.required(`metadata.annotations[${ACCOUNT_NAME}]`);
  }
  const wanted = WANTED_KEYS[secret.type ?? ''];
  if (!wanted) return;
  const missing = wanted.keys.filter((key) => data[key] === undefined || (wanted.filled && data[key] === ''));
  if (missing.length === (wanted.any ? wanted.keys.length : 0)) {
    if (missing.length === 0 && wanted.json) checkDockerConfig(data[wanted.keys[0]!]!, `data[${wanted.keys[0]}]`, faults);
    if (!wanted.any) return;
  }
  if (wanted.any && missing.length < wanted.keys.length) return;
  for (const key of missing) faults.required(`data[${key}]`);
}

/** The messages are those of Go's JSON reader. */
function checkDockerConfig(base64: string, place: string, faults: Faults): void {
  const text = Buffer.from(base64, 'base64').toString();
  const fault = goJsonFault(text);
  if (fault) faults.invalid(place, REDACTED, fault);
}

function goJsonFault(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const trimmed = text.trimStart();
    if (trimmed === '') return 'unexpected end of JSON input';
    if (!/^[{["tfn\d-]/.test(trimmed)) return `invalid character '${trimmed[0]}' looking for beginning of value`;
    return malformedFault(trimmed);
  }
  if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined;
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}

function malformedFault(text: string): string {
  const literal = ['true', 'false', 'null'].find((word) => text[0] === word[0]);
  if (literal) {
    for (let index = 1; index < literal.length; index += 1) {
      if (index >= text.length) return 'unexpected end of JSON input';
      if (text[index] !== literal[index]) return `invalid character '${text[index]}' in literal ${literal} (expecting '${literal[index]}')`;
    }
  }
  if (text.startsWith('{') && text.length > 1 && text[1] !== '"' && text[1] !== '}') {
    return `invalid character '${text[1]}' looking for beginning of object key string`;
  }
  return 'unexpected end of JSON input';
}

/** A TLS secret whose certificate and key do not belong together is taken, with a warning. */
function tlsWarnings(secret: Secret): string[] {
  if (secret.type !== 'kubernetes.io/tls') return [];
  const pem = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
  const certificate = pem('tls.crt');
  const key = pem('tls.key');
  if (!certificate.includes('-----BEGIN')) return ['tls: failed to find any PEM data in certificate input'];
  if (!certificate.includes('-----BEGIN CERTIFICATE-----')) return ['tls: failed to find certificate PEM data in certificate input'];
  if (!key.includes('-----BEGIN')) return ['tls: failed to find any PEM data in key input'];
  try {
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return [];
    return ['tls: private key does not match public key'];
  } catch {
    return ['tls: failed to parse private key'];
  }
}

export const secretDefinition: ResourceDefinition<Secret> = {
  resource: secrets,
  schema: 'core/v1.Secret',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultSecret,
    prepareForUpdate: (secret, old) => { if (!secret.type && old.type) secret.type = old.type; },
    validateCreate: (secret) => faultsOf((faults) => {
      checkFinalizers(secret, faults);
      checkSecret(secret, faults);
    }),
    validateUpdate: (secret, old) => faultsOf((faults) => {
      checkMetaOnUpdate(secret, old, faults);
      if (secret.type !== old.type) faults.invalid('type', secret.type, 'field is immutable');
      checkImmutableData(secret, old, ['data'], faults);
      checkMetaAgain(secret, faults, true);
      checkSecret(secret, faults);
    }),
    warningsOnCreate: tlsWarnings,
    warningsOnUpdate: tlsWarnings,
  },
  allowUnconditionalUpdate: true,
  selectableFieldNames: ['type'],
  selectableFields: (secret) => ({ type: secret.type ?? '' }),
};
