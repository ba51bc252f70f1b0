/**
 * Who may name owners: changing the owners of an object needs the right to delete it, and an owner that may not go before the
 * object (`blockOwnerDeletion`) the right to set that owner's finalizers. Off by default, as upstream.
 */
import { kindResolver, UnknownKindError, type KindResolver } from '#client/discovery';
import { semanticEqual } from '#machinery/deep-equal';
import type { KubeObject, OwnerReference } from '#machinery/meta';
import type { Authorizer } from '../authz/authorizer.ts';
import { resourceAttributes, type ResourceQuestion } from '../authz/attributes.ts';
import type { AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';

type Dependencies = Pick<AdmissionDependencies, 'authorizer' | 'client' | 'clock'>;

export function ownerReferencesPermission(dependencies: Dependencies): AdmissionPlugin {
  const kinds = kindResolver(dependencies.client, dependencies.clock);
  return {
    name: 'OwnerReferencesPermissionEnforcement',
    async validate(attributes) {
      const { object, oldObject, operation } = attributes;
      // Old kubelets spoil a pod's owners in its status; the pod's rules keep them as they were.
      if (object === undefined || operation === 'CONNECT' || isAbout(attributes, '', 'pods', 'status')) return;
      const owners = ownersOf(object);
      const before = ownersOf(oldObject);
      if (semanticEqual(owners, before)) return;
      if (operation === 'UPDATE') await requireDelete(dependencies.authorizer, attributes);
      const blocking = owners.filter((owner) => owner.blockOwnerDeletion === true && before.find(({ uid }) => uid === owner.uid)?.blockOwnerDeletion !== true);
      if (blocking.length > 0) await requireFinalizers(dependencies.authorizer, kinds, attributes, blocking);
    },
  };
}

function ownersOf(object: KubeObject | undefined): readonly OwnerReference[] {
  return object?.metadata?.ownerReferences ?? [];
}

async function requireDelete(authorizer: Authorizer, attributes: AdmissionAttributes): Promise<void> {
  const { user, namespace, name, subresource, info: { group, version, resource } } = attributes;
  const refusal = await refusalOf(authorizer, { user, verb: 'delete', group, version, resource, subresource, namespace, name });
  if (refusal !== undefined) throw refused(attributes, `cannot set an ownerRef on a resource you can't delete: ${refusal}`);
}

async function requireFinalizers(authorizer: Authorizer, kinds: KindResolver, attributes: AdmissionAttributes, owners: readonly OwnerReference[]): Promise<void> {
  const { user, signal } = attributes;
  const question = { user, verb: 'update', subresource: 'finalizers' };
  if (await refusalOf(authorizer, { ...question, group: '*', version: '*', resource: '*', name: '*' }) === undefined) return;
  for (const { apiVersion, kind, name } of owners) {
    const found = await kinds.resolve(apiVersion, kind, signal).catch((error: unknown) => {
      if (!(error instanceof UnknownKindError)) throw error;
      throw refused(attributes, `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: no matches for kind "${kind}" in version "${apiVersion}"`);
    });
    const slash = apiVersion.indexOf('/');
    const owner = { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1), resource: found.resource, name };
    const refusal = await refusalOf(authorizer, { ...question, ...owner, ...(found.namespaced ? { namespace: attributes.namespace } : {}) });
    if (refusal !== undefined) throw refused(attributes, `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${refusal}`);
  }
}

/** Reason and error as upstream prints them; undefined: allowed. */
async function refusalOf(authorizer: Authorizer, question: ResourceQuestion): Promise<string | undefined> {
  const { decision, reason, error } = await authorizer.authorize(resourceAttributes(question));
  return decision === 'allow' ? undefined : `${reason}, ${error ?? '<nil>'}`;
}
