/**
 * Brings the default roles and bindings into the cluster at start: missing ones are created, missing rules and subjects added.
 *
 * Nothing is taken away, and what is annotated `autoupdate: "false"` is left alone. The controllers and the kubelet
 * have no rights before this is done; the API server is not ready until then.
 */
import { clusterrolebindings, clusterroles, rolebindings, roles, type ClusterRole, type ClusterRoleBinding, type Role, type RoleBinding, type Subject } from '#api/generated/rbac/v1';
import { namespaces } from '#api/generated/core/v1';
import type { Client, ResourceClient } from '#client/client';
import type { KubeObject } from '#machinery/meta';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { uncoveredRules } from '../rule-cover.ts';
import { CLUSTER_ROLE_BINDINGS, NAMESPACE_ROLE_BINDINGS, NAMESPACE_ROLES } from './bindings.ts';
import { CLUSTER_ROLES } from './cluster-roles.ts';
import { CONTROLLER_ROLES } from './controller-roles.ts';
import { controllerBindings, parseClusterRoleBindings, parseClusterRoles, parseRoleBindings, parseRoles } from './policy-text.ts';

const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

/** All default cluster roles, controllers' included. */
export function defaultClusterRoles(): ClusterRole[] {
  return [...parseClusterRoles(CLUSTER_ROLES), ...parseClusterRoles(CONTROLLER_ROLES)];
}

export async function ensureDefaultPolicy(client: Client, signal: AbortSignal): Promise<void> {
  await ensureAll(client.for(clusterroles), defaultClusterRoles(), reconciledRole, signal);
  const bindings = [...parseClusterRoleBindings(CLUSTER_ROLE_BINDINGS), ...controllerBindings(parseClusterRoles(CONTROLLER_ROLES))];
  await ensureAll(client.for(clusterrolebindings), bindings, reconciledBinding, signal);
  const namespacedRoles = parseRoles(NAMESPACE_ROLES);
  for (const namespace of new Set(namespacedRoles.map((role) => role.metadata.namespace!))) {
    await ensureNamespace(client, namespace, signal);
    const inside = <T extends KubeObject>(objects: readonly T[]): T[] => objects.filter((object) => object.metadata.namespace === namespace);
    await ensureAll(client.for(roles, namespace), inside(namespacedRoles), reconciledRole, signal);
    await ensureAll(client.for(rolebindings, namespace), inside(parseRoleBindings(NAMESPACE_ROLE_BINDINGS)), reconciledBinding, signal);
  }
}

async function ensureNamespace(client: Client, name: string, signal: AbortSignal): Promise<void> {
  try {
    await client.for(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** One list, then only the writes that are needed. */
async function ensureAll<T extends KubeObject>(
  resource: ResourceClient<T>, wanted: readonly T[], reconciled: (existing: T, wanted: T) => T | undefined, signal: AbortSignal,
): Promise<void> {
  const present = new Map((await resource.list({ signal })).items.map((object) => [object.metadata.name!, object]));
  await Promise.all(wanted.map(async (object) => {
    const existing = present.get(object.metadata.name!);
    try {
      if (existing === undefined) {
        await resource.create(object, { signal });
        return;
      }
      if (existing.metadata.annotations?.[AUTO_UPDATE] === 'false') return;
      const changed = reconciled(existing, object);
      if (changed !== undefined) await resource.update(changed, { signal });
    } catch (error) {
      if (!isAlreadyExists(error) && !isNotFound(error)) throw error;
    }
  }));
}

/** What the role should become; undefined when it is right already. */
export function reconciledRole<T extends ClusterRole | Role>(existing: T, wanted: T): T | undefined {
  const meta = mergedMeta(existing, wanted);
  const missing = uncoveredRules(existing.rules ?? [], wanted.rules ?? []);
  const selectors = (role: ClusterRole): unknown[] => role.aggregationRule?.clusterRoleSelectors ?? [];
  const known = selectors(existing as ClusterRole).map((selector) => JSON.stringify(selector));
  const missingSelectors = selectors(wanted as ClusterRole).filter((selector) => !known.includes(JSON.stringify(selector)));
  const surplusAggregation = (existing as ClusterRole).aggregationRule !== undefined && (wanted as ClusterRole).aggregationRule === undefined;
  if (meta === undefined && missing.length === 0 && missingSelectors.length === 0 && !surplusAggregation) return undefined;
  const changed: T = { ...existing, ...(meta === undefined ? {} : { metadata: meta }) };
  if (missing.length > 0) changed.rules = [...(existing.rules ?? []), ...missing];
  if (missingSelectors.length > 0) {
    (changed as ClusterRole).aggregationRule = { clusterRoleSelectors: [...selectors(existing as ClusterRole), ...missingSelectors] as object[] };
  }
  if (surplusAggregation) delete (changed as ClusterRole).aggregationRule;
  return changed;
}

/** A binding to another role is left as it is: its roleRef cannot be changed in place. */
export function reconciledBinding<T extends ClusterRoleBinding | RoleBinding>(existing: T, wanted: T): T | undefined {
  const meta = mergedMeta(existing, wanted);
  const key = (subject: Subject): string => `${subject.kind}/${subject.namespace ?? ''}/${subject.name}`;
  const known = new Set((existing.subjects ?? []).map(key));
  const missing = (wanted.subjects ?? []).filter((subject) => !known.has(key(subject)));
  if (meta === undefined && missing.length === 0) return undefined;
  const changed: T = { ...existing, ...(meta === undefined ? {} : { metadata: meta }) };
  if (missing.length > 0) changed.subjects = [...(existing.subjects ?? []), ...missing];
  return changed;
}

function mergedMeta(existing: KubeObject, wanted: KubeObject): KubeObject['metadata'] | undefined {
  const labels = { ...wanted.metadata.labels, ...existing.metadata.labels };
  const annotations = { ...wanted.metadata.annotations, ...existing.metadata.annotations };
  const count = (map: object | undefined): number => Object.keys(map ?? {}).length;
  if (count(labels) === count(existing.metadata.labels) && count(annotations) === count(existing.metadata.annotations)) return undefined;
  return { ...existing.metadata, labels, annotations };
}
