/**
 * `serviceaccounts/token`: signs a token for the account, for the audiences and the time asked, bound to an object when one is named.
 *
 * A pod-bound token for the API server itself with the kubelet's mark (3607 s) lives for a year and says from when on its
 * use is late: old clients that never re-read the file keep working, and audit shows them.
 */
import type { TokenRequest, BoundObjectReference } from '#api/generated/authentication/v1';
import type { Node, Pod, Secret, ServiceAccount } from '#api/generated/core/v1';
import { rfc3339, type Clock } from '#base/clock';
import type { Random } from '#base/random';
import { invalid, path, type FieldError } from '#machinery/field-error';
import { quote } from '#machinery/go-print';
import type { KubeObject, ObjectMeta } from '#machinery/meta';
import { newBadRequest, newConflict, newInvalid, newNotFound } from '#machinery/status-error';
import { signJwt, type SigningKey } from '#pki/jwt';
import type { BoundObjects } from '../../authn/bound-objects.ts';
import { serviceAccountUser } from '../../authn/groups.ts';
import type { DecisionContext, DecisionResource } from '../decision.ts';

const GROUP = 'authentication.k8s.io';
const DEFAULT_SECONDS = 3600;
const SECONDS_MIN = 600;
const SECONDS_MAX = 2 ** 32;
/** What the kubelet asks for pods' own tokens. */
const RENEWED_SECONDS = 3607;
const EXTENDED_SECONDS = 365 * 24 * 60 * 60;

export interface TokenRequestOptions {
  readonly issuer: string;
  readonly audiences: readonly string[];
  signingKey(): Promise<SigningKey>;
  readonly objects: BoundObjects;
  readonly clock: Clock;
  readonly random: Random;
}

export function tokenRequest(options: TokenRequestOptions): DecisionResource<TokenRequest> {
  return {
    group: '', version: 'v1', resource: 'serviceaccounts', subresource: 'token', namespaced: true,
    bodyGroup: GROUP, bodyVersion: 'v1', kind: 'TokenRequest', schema: 'authentication/v1.TokenRequest', keepsSystemFields: true,
    create: (request, context) => issue(request, context, options),
  };
}

async function issue(request: TokenRequest, context: DecisionContext, options: TokenRequestOptions): Promise<KubeObject> {
  const { name, namespace, signal } = context;
  const meta = request.metadata;
  if (meta.name !== undefined && meta.name !== '' && meta.name !== name) {
    throw newInvalid(GROUP, 'TokenRequest', name, [invalid(path('metadata', 'name'), meta.name, 'must match the service account name if specified')]);
  }
  if (meta.namespace !== undefined && meta.namespace !== '' && meta.namespace !== namespace) {
    throw newInvalid(GROUP, 'TokenRequest', name, [invalid(path('metadata', 'namespace'), meta.namespace, 'must match the service account namespace if specified')]);
  }
  const account = await options.objects.serviceAccount(namespace, name, signal);
  if (account === undefined) throw newNotFound('', 'serviceaccounts', name);
  if (meta.uid !== undefined && meta.uid !== '' && meta.uid !== account.metadata.uid) {
    throw newConflict(GROUP, 'TokenRequest', name, `the UID in the token request (${meta.uid}) does not match the UID of the service account (${account.metadata.uid})`);
  }
  const nowMs = options.clock.now();
  const audiences = (request.spec?.audiences ?? []).length === 0 ? [...options.audiences] : request.spec!.audiences!;
  const seconds = request.spec?.expirationSeconds ?? DEFAULT_SECONDS;
  const reference = request.spec?.boundObjectRef;
  const metadata: ObjectMeta = { ...meta, name, namespace, uid: account.metadata.uid!, creationTimestamp: rfc3339(nowMs) };
  const spec = { audiences, expirationSeconds: seconds, ...(reference === undefined ? {} : { boundObjectRef: reference }) };
  const answer = { kind: 'TokenRequest', apiVersion: `${GROUP}/v1`, metadata, spec };
  const faults = secondsFaults(seconds);
  if (faults.length > 0) throw newInvalid(GROUP, 'TokenRequest', '', faults);
  await context.validate(answer);

  const bound = await boundObject(reference ?? undefined, context, options.objects);
  const isRenewed = bound.pod !== undefined && seconds === RENEWED_SECONDS && audiences.every((audience) => options.audiences.includes(audience));
  const issuedAt = Math.floor(nowMs / 1000);
  const tokenId = options.random.uuid();
  const claims = {
    aud: audiences, exp: issuedAt + (isRenewed ? EXTENDED_SECONDS : seconds), iat: issuedAt, iss: options.issuer, jti: tokenId,
    'kubernetes.io': {
      namespace, ...boundClaims(bound), serviceaccount: { name, uid: account.metadata.uid },
      ...(isRenewed ? { warnafter: issuedAt + seconds } : {}),
    },
    nbf: issuedAt, sub: serviceAccountUser(namespace, name),
  };
  const token = await signJwt(claims, await options.signingKey());
  context.annotate('authentication.kubernetes.io/issued-credential-id', `JTI=${tokenId}`);
  const status = { token, expirationTimestamp: rfc3339(nowMs + seconds * 1000) };
  return { ...answer, spec: { ...spec, boundObjectRef: reference ?? null }, status } as KubeObject;
}

function secondsFaults(seconds: number): FieldError[] {
  const at = path('spec', 'expirationSeconds');
  if (seconds < SECONDS_MIN) return [invalid(at, seconds, 'may not specify a duration less than 10 minutes')];
  return seconds > SECONDS_MAX ? [invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds')] : [];
}

interface Bound { pod?: Pod; secret?: Secret; node?: Pick<Node, 'metadata'> }

async function boundObject(reference: BoundObjectReference | undefined, context: DecisionContext, objects: BoundObjects): Promise<Bound> {
  if (reference === undefined) return {};
  const { namespace, signal } = context;
  const { apiVersion = '', kind = '', name = '' } = reference;
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') as [string, string] : ['', apiVersion];
  const found = <T extends ServiceAccount | Pod | Secret | Node>(resource: string, object: T | undefined): T => {
    if (object === undefined) throw newNotFound('', resource, name);
    if (reference.uid !== undefined && reference.uid !== '' && object.metadata.uid !== reference.uid) {
      throw newConflict('', kind, name, `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`);
    }
    return object;
  };
  if (group !== '' || !['Pod', 'Secret', 'Node'].includes(kind)) {
    throw newBadRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
  if (name === '') throw newBadRequest('Name parameter required.');
  if (kind === 'Secret') return { secret: found('secrets', await objects.secret(namespace, name, signal)) };
  if (kind === 'Node') return { node: found('nodes', await objects.node(name, signal)) };
  const pod = await objects.pod(namespace, name, signal);
  if (pod !== undefined && pod.spec?.serviceAccountName !== context.name) {
    throw newBadRequest(`cannot bind token for serviceaccount ${quote(context.name)} to pod running with different serviceaccount name.`);
  }
  found('pods', pod);
  const nodeName = pod!.spec?.nodeName ?? '';
  if (nodeName === '') return { pod: pod! };
  return { pod: pod!, node: await objects.node(nodeName, signal) ?? { metadata: { name: nodeName } } };
}

function boundClaims({ pod, secret, node }: Bound): Record<string, unknown> {
  const claim = ({ metadata }: { metadata: ObjectMeta }): Record<string, unknown> => ({ name: metadata.name, ...(metadata.uid === undefined ? {} : { uid: metadata.uid }) });
  return {
    ...(node === undefined ? {} : { node: claim(node) }), ...(pod === undefined ? {} : { pod: claim(pod) }),
    ...(secret === undefined ? {} : { secret: claim(secret) }),
  };
}
