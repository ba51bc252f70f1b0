/**
 * A definition derived from the schema alone, for kinds that have no rules of their own yet: status belongs to `/status`, the
 * generation counts changes of everything else, names are DNS subdomains.
 */
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceInfo } from '#api/registry';
import type { KubeObject, ResourceType } from '#machinery/meta';
import type { ResourceDefinition, Strategy } from './definition.ts';

type Loose = KubeObject & Record<string, unknown>;

/** Groups whose objects may be written without a resource version, as upstream. */
const UNCONDITIONAL_GROUPS: ReadonlySet<string> = new Set(['', 'apps', 'rbac.authorization.k8s.io', 'batch', 'autoscaling', 'networking.k8s.io', 'storage.k8s.io', 'scheduling.k8s.io']);

export function genericDefinition(info: ResourceInfo): ResourceDefinition {
  const resource: ResourceType = { group: info.group, version: info.version, resource: info.resource, kind: info.kind, namespaced: info.namespaced };
  const hasStatus = info.subresources.some((one) => one.name === 'status');
  const strategy: Strategy<KubeObject> = {
    prepareForCreate(object) {
      if (!hasStatus) return;
      (object as Loose)['status'] = {};
      object.metadata.generation = 1;
    },
    prepareForUpdate(object, old) {
      if (!hasStatus) return;
      const next = object as Loose;
      const before = old as Loose;
      if (before['status'] === undefined) delete next['status']; else next['status'] = before['status'];
      if (!semanticEqual(next['spec'], before['spec'])) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
  };
  const statusStrategy: ResourceDefinition['statusStrategy'] = {
    prepareForUpdate(object, old) {
      const next = object as Loose;
      const before = old as Loose;
      for (const key of Object.keys(next)) if (key !== 'status' && key !== 'metadata' && key !== 'kind' && key !== 'apiVersion') delete next[key];
      for (const key of Object.keys(before)) if (key !== 'status' && key !== 'metadata') next[key] = before[key];
    },
  };
  return {
    resource, schema: info.type, nameRule: info.group === 'apiregistration.k8s.io' ? 'path-segment' : 'dns1123-subdomain', strategy, ...(hasStatus ? { statusStrategy } : {}),
    allowUnconditionalUpdate: UNCONDITIONAL_GROUPS.has(info.group),
  };
}
