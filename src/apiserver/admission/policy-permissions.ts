/**
 * Policies read their parameters on behalf of who wrote them: a policy needs the right to get all objects of its `paramKind`, a
 * binding the right to read what its `paramRef` names.
 *
 * Not among upstream's plugins: there the rules of the resources ask.
 */
import {
  mutatingadmissionpolicies, validatingadmissionpolicies, type ParamKind, type ParamRef, type ValidatingAdmissionPolicy, type ValidatingAdmissionPolicyBinding,
} from '#api/generated/admissionregistration/v1';
import { kindResolver, UnknownKindError, type KindResolver } from '#client/discovery';
import { forbidden, path, type FieldError } from '#machinery/field-error';
import { newInvalid } from '#machinery/status-error';
import { MASTERS } from '../authn/groups.ts';
import { resourceAttributes } from '../authz/attributes.ts';
import type { UserInfo } from '../request.ts';
import { fresh, type AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';

const GROUP = 'admissionregistration.k8s.io';
const POLICIES: ReadonlySet<string> = new Set(['validatingadmissionpolicies', 'mutatingadmissionpolicies']);
const BINDINGS: ReadonlySet<string> = new Set(['validatingadmissionpolicybindings', 'mutatingadmissionpolicybindings']);

interface Dependencies extends Pick<AdmissionDependencies, 'authorizer' | 'client'> { readonly kinds: KindResolver }

export function policyPermissions(dependencies: Pick<AdmissionDependencies, 'authorizer' | 'client' | 'clock'>): AdmissionPlugin {
  const own = { ...dependencies, kinds: kindResolver(dependencies.client, dependencies.clock) };
  return {
    name: 'PolicyPermissions',
    async validate(attributes) {
      const { info, operation, subresource, user } = attributes;
      if (info.group !== GROUP || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE') || user.groups.includes(MASTERS)) return;
      let fault: FieldError | undefined;
      if (POLICIES.has(info.resource)) fault = await policyFault(own, attributes);
      else if (BINDINGS.has(info.resource)) fault = await bindingFault(own, attributes);
      if (fault !== undefined) throw newInvalid(GROUP, attributes.kind, attributes.name, [fault]);
    },
  };
}

async function policyFault(dependencies: Dependencies, { object, oldObject, user, signal }: AdmissionAttributes): Promise<FieldError | undefined> {
  const kind = (object as ValidatingAdmissionPolicy).spec?.paramKind;
  if (kind === undefined) return undefined;
  const old = (oldObject as ValidatingAdmissionPolicy | undefined)?.spec?.paramKind;
  if (old !== undefined && old.kind === kind.kind && old.apiVersion === kind.apiVersion) return undefined;
  const { resource, group, version } = await resourceOf(dependencies.kinds, kind, signal);
  const { decision } = await dependencies.authorizer.authorize(resourceAttributes({ user, verb: 'get', group, version, resource, name: '*', namespace: '*' }));
  if (decision === 'allow') return undefined;
  const text = `user ${printed(user)} must have "get" permission on all objects of the referenced paramKind (kind=${kind.kind ?? ''}, apiVersion=${kind.apiVersion ?? ''})`;
  return forbidden(path('spec', 'paramKind'), text);
}

/** An unchanged `paramRef` is asked about again, as upstream does: it compares by address. */
async function bindingFault(dependencies: Dependencies, { info, object, user, signal }: AdmissionAttributes): Promise<FieldError | undefined> {
  const { paramRef, policyName } = (object as ValidatingAdmissionPolicyBinding).spec;
  if (paramRef === undefined) return undefined;
  const policies = info.resource === 'validatingadmissionpolicybindings' ? validatingadmissionpolicies : mutatingadmissionpolicies;
  const policy = await fresh(dependencies.client, policies, policyName, undefined, signal);
  const kind = policy?.spec?.paramKind;
  const asked = kind === undefined ? EVERYTHING : await resourceOf(dependencies.kinds, kind, signal);
  const verb = verbOf(paramRef);
  const { name = '', namespace = '' } = paramRef;
  const { decision } = await dependencies.authorizer.authorize(resourceAttributes({ user, verb, name, namespace, ...asked }));
  if (decision === 'allow') return undefined;
  const everything = `to determine minimum required permissions and user ${printed(user)} does not have "${verb}" permission for all groups, versions and resources`;
  let text = `user ${printed(user)} does not have "${verb}" permission on the object referenced by paramRef`;
  if (policy === undefined) text = `unable to get policy ${policyName} ${everything}`;
  else if (kind !== undefined && asked.resource === '*') text = `unable to resolve paramKind &ParamKind{APIVersion:${kind.apiVersion},Kind:${kind.kind},} ${everything}`;
  return forbidden(path('spec', 'paramRef'), text);
}

function verbOf({ name = '' }: ParamRef): string {
  return name === '' ? 'list' : 'get';
}

const EVERYTHING = { group: '*', version: '*', resource: '*' };

/** All resources of the version when none has this kind. */
async function resourceOf(kinds: KindResolver, { apiVersion = '', kind = '' }: ParamKind, signal: AbortSignal): Promise<{ group: string; version: string; resource: string }> {
  const parts = apiVersion.split('/');
  if (parts.length > 2) return EVERYTHING;
  const [group, version] = parts.length === 1 ? ['', parts[0]!] : [parts[0]!, parts[1]!];
  try {
    return { group, version, resource: (await kinds.resolve(apiVersion, kind, signal)).resource };
  } catch (error) {
    if (!(error instanceof UnknownKindError)) throw error;
    return { group, version, resource: '*' };
  }
}

/** As Go prints a user. */
function printed({ name, uid = '', groups, extra = {} }: UserInfo): string {
  const more = Object.keys(extra).sort().map((key) => `${key}:[${extra[key]!.join(' ')}]`);
  return `&{${name} ${uid} [${groups.join(' ')}] map[${more.join(' ')}]}`;
}
