/**
 * The revisions of a stateful set or a daemon set: its pod template as it was, numbered, as ControllerRevision objects.
 *
 * Equal templates share a revision: going back to an old one gives it the highest number. The name comes from the
 * template's hash; on a collision with a different one the count goes up and the name changes.
 */
import { controllerrevisions, type ControllerRevision } from '#api/generated/apps/v1';
import type { PodTemplateSpec } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { encodeSorted } from '#machinery/codec/json-encode';
import type { KubeObject, ResourceType } from '#machinery/meta';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { controllerReference } from '#semantics/owner-reference';
import { canonicalJson, templateHash } from '#semantics/template-hash';

const NAME_PREFIX_MAX = 223;

export interface RevisionParent {
  readonly object: KubeObject;
  readonly type: ResourceType<never> | ResourceType;
  readonly template: PodTemplateSpec;
  /** The label that carries the hash. */
  readonly hashLabel: string;
}

export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const data = revision.data as { spec?: { template?: PodTemplateSpec & { $patch?: string } } } | undefined;
  const { $patch: _, ...template } = data?.spec?.template ?? ({} as PodTemplateSpec & { $patch?: string });
  return template as PodTemplateSpec;
}

export function hasTemplate(revision: ControllerRevision, template: PodTemplateSpec): boolean {
  return canonicalJson(templateOf(revision)) === canonicalJson(template);
}

/** Lowest number first, then age, then name. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision - b.revision;
  const [left, right] = [`${a.metadata.creationTimestamp}${a.metadata.name}`, `${b.metadata.creationTimestamp}${b.metadata.name}`];
  return left < right ? -1 : 1;
}

/** What a revision keeps of its parent. Clients compare it as text with what they make of the template: keys are sorted. */
export function revisionData(template: PodTemplateSpec): object {
  return JSON.parse(encodeSorted({ spec: { template: { ...template, $patch: 'replace' } } })) as object;
}

function newRevision(parent: RevisionParent, number: number, collisionCount: number): ControllerRevision {
  const hash = templateHash(parent.template, collisionCount);
  const { name, namespace, annotations } = parent.object.metadata;
  return {
    metadata: {
      name: `${name!.slice(0, NAME_PREFIX_MAX)}-${hash}`, namespace: namespace!,
      labels: { ...parent.template.metadata?.labels, [parent.hashLabel]: hash }, ...(annotations !== undefined && { annotations: { ...annotations } }),
      ownerReferences: [controllerReference(parent.object, parent.type as ResourceType)],
    },
    data: revisionData(parent.template) as never,
    revision: number,
  };
}

export interface RevisionChange {
  readonly revision: ControllerRevision;
  readonly collisionCount: number;
  /** It was written now. */
  readonly written: boolean;
}

/** The revision of the parent's present template: found, renumbered, or made. @param existing sorted by `byRevision`. */
export async function ensureRevision(client: Client, parent: RevisionParent, existing: readonly ControllerRevision[], collisionCount: number, signal: AbortSignal): Promise<RevisionChange> {
  const api = client.for(controllerrevisions, parent.object.metadata.namespace);
  const last = existing.at(-1);
  const equal = existing.filter((revision) => hasTemplate(revision, parent.template)).at(-1);
  if (equal !== undefined && equal === last) return { revision: equal, collisionCount, written: false };
  const number = (last?.revision ?? 0) + 1;
  if (equal !== undefined) return { revision: await api.update({ ...equal, revision: number }, { signal }), collisionCount, written: true };
  for (let collisions = collisionCount; ; collisions++) {
    const wanted = newRevision(parent, number, collisions);
    try {
      return { revision: await api.create(wanted, { signal }), collisionCount: collisions, written: true };
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const taken = await api.get(wanted.metadata.name!, { signal });
      if (hasTemplate(taken, parent.template)) return { revision: taken, collisionCount: collisions, written: true };
    }
  }
}

/** Removes the oldest of those not in use, beyond the limit. */
export async function truncateHistory(client: Client, existing: readonly ControllerRevision[], inUse: ReadonlySet<string>, limit: number, signal: AbortSignal): Promise<void> {
  const unused = existing.filter((revision) => !inUse.has(revision.metadata.name!));
  for (const revision of unused.slice(0, Math.max(0, unused.length - limit))) {
    try {
      await client.for(controllerrevisions, revision.metadata.namespace).delete(revision.metadata.name!, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
