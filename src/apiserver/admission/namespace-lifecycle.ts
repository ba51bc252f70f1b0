/** Nothing is made in a namespace that does not exist or is being deleted; the first namespaces cannot be deleted. */
import { namespaces } from '#api/generated/core/v1';
import { newNotFound, StatusError } from '#machinery/status-error';
import type { AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { refused } from './refusal.ts';

const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

export function namespaceLifecycle(dependencies: AdmissionDependencies): AdmissionPlugin {
  const informer = dependencies.informers.for(namespaces);
  return {
    name: 'NamespaceLifecycle',
    async admit(attributes) {
      const { operation, info, namespace, name } = attributes;
      const isNamespace = info.group === '' && info.resource === 'namespaces';
      if (operation === 'CONNECT') return;
      if (operation === 'DELETE' && isNamespace && IMMORTAL.has(name)) throw refused(attributes, 'this namespace may not be deleted');
      if (isNamespace || namespace === '' || operation === 'DELETE') return;
      // A missing namespace must not be told from one without rights: an access review answers for any.
      if (info.group === 'authorization.k8s.io' && info.resource === 'localsubjectaccessreviews') return;
      const local = informer.get(namespace);
      if (operation === 'UPDATE' && local !== undefined) return;
      // What is local may be behind a deletion by a moment; a create asks the store.
      const found = await dependencies.storedNamespaces.get('', namespace);
      if (found === undefined) throw newNotFound('', 'namespaces', namespace);
      if (operation === 'CREATE' && found.status?.phase === 'Terminating') throw terminating(attributes);
    },
  };
}

function terminating(attributes: AdmissionAttributes): StatusError {
  const { namespace } = attributes;
  const { status } = refused(attributes, `unable to create new content in namespace ${namespace} because it is being terminated`);
  const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
  return new StatusError({ ...status, details: { ...status.details, causes: [cause] } });
}
