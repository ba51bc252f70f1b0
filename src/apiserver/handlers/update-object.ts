/**
 * Changes a stored object: the part that update, patch and subresources share.
 *
 *     newest version → new object (body, patch, managed fields, mutating admission) → rules → validating admission → write
 *
 * All of it runs again when somebody else was faster, so admission always sees what is stored. With `createMissing` an object
 * that is not there is created instead.
 */
import type { KubeObject } from '#machinery/meta';
import type { AdmissionAttributes } from '../admission/plugin.ts';
import { newNotFound } from '#machinery/status-error';
import { attributesOf } from '../authz/attributes.ts';
import { forbidden } from '../authz/forbidden.ts';
import { asVersion, type ServedResource } from '../served-resource.ts';
import { leaderTermOf } from '../store/leader-fence.ts';
import type { Change, StoredBytes } from '../store/resource-store.ts';
import { beforeCreate, fillSystemFields } from './before-create.ts';
import { beforeUpdate, checkRevision, checkUid, deletedByUpdate, updateStrategy } from './before-update.ts';
import { admissionAttributes, type Reservation, type WriteContext } from './environment.ts';
import { settleManagedFields } from './field-management.ts';

export interface UpdatePlan {
  readonly subresource: string;
  /** The wanted object made from the newest version (of the served API version); called for each try. */
  make(current: KubeObject | undefined, attempt: number): Promise<KubeObject> | KubeObject;
  /** A missing object is created (server-side apply; kinds that allow it on PUT). */
  readonly createMissing: boolean;
  /** What admission is to judge in place of the stored object: a Scale. Asked after `make`. */
  attributes?(): AdmissionAttributes;
  /** The body's uid is a precondition (PUT). */
  readonly checkUid?: boolean;
}

export interface Updated { readonly stored: StoredBytes; readonly created: boolean }

/** @throws StatusError */
export async function updateObject(write: WriteContext, plan: UpdatePlan): Promise<Updated> {
  const { served, env } = write;
  const { info, store } = served;
  const strategy = updateStrategy(served, plan.subresource);
  if (strategy === undefined) throw newNotFound(info.group, info.resource, write.name);
  const hooks = plan.subresource === '' ? env.hooksOf(served) : undefined;
  let attempt = 0;
  let created = false;
  let reservation: Reservation | undefined;
  let deleted: KubeObject | undefined;

  const change = async (storedObject: KubeObject | undefined): Promise<Change> => {
    await reservation?.giveBack();
    reservation = undefined;
    const current = storedObject === undefined ? undefined : asVersion(served, storedObject);
    if (current === undefined && !plan.createMissing) throw newNotFound(info.group, info.resource, write.name);
    const old = current === undefined ? undefined : copy(current);
    const object = await plan.make(current, attempt++);
    created = old === undefined;
    if (old === undefined) {
      await authorizeCreate(write);
      fillSystemFields(object, write);
      reservation = await hooks?.beginCreate?.(object, write.options.dryRun);
      beforeCreate(object, write);
      await env.admission.validate(admissionAttributes(write, 'CREATE', object, undefined));
      return await put(served, object, write);
    }
    if (plan.checkUid === true) checkUid(object, old, write);
    checkRevision(object, old, write);
    if (hooks?.beginUpdate !== undefined && !write.options.dryRun) {
      // What will be refused takes nothing first.
      const trial = copy(object);
      await hooks.beginUpdate(trial, old, true);
      beforeUpdate(trial, old, strategy, write);
    }
    reservation = await hooks?.beginUpdate?.(object, old, write.options.dryRun);
    beforeUpdate(object, old, strategy, write);
    settleManagedFields(object, old);
    await env.admission.validate(plan.attributes?.() ?? admissionAttributes(write, 'UPDATE', object, old));
    if (deletedByUpdate(object, old) && env.hooksOf(served)?.removable?.(object) !== false) { deleted = object; return { kind: 'delete' }; }
    return await put(served, object, write);
  };

  try {
    const stored = await store.update(store.keyOf(write.namespace, write.name), change, { dryRun: write.options.dryRun, term: leaderTermOf(write.request.request) });
    await reservation?.keep();
    if (deleted !== undefined) {
      await hooks?.afterDelete?.(deleted, write.options.dryRun);
      return { stored: { bytes: store.encode(toStored(served, deleted)), revision: stored!.revision }, created: false };
    }
    return { stored: stored!, created };
  } catch (error) {
    await reservation?.giveBack();
    throw error;
  }
}

async function put(served: ServedResource, object: KubeObject, write: WriteContext): Promise<Change> {
  const ttl = served.definition.ttlSeconds?.(object);
  const stored = toStored(served, object);
  return ttl === undefined ? { kind: 'put', object: stored } : { kind: 'put', object: stored, leaseId: await write.env.leaseFor(ttl) };
}

/** The object in the version that is stored. May change it. */
export function toStored(served: ServedResource, object: KubeObject): KubeObject {
  return served.conversion === undefined ? object : served.conversion.toStored(object);
}

/** Objects are plain JSON; a parse is the fastest deep copy that keeps keys such as `__proto__`. */
export function copy<T>(value: T): T {
  try {
    return JSON.parse(JSON.stringify(value)) as T;
  } catch (error) {
    // Bigints have no JSON.
    if (error instanceof TypeError) return structuredClone(value);
    throw error;
  }
}

/** An update that creates needs the right to create too. */
async function authorizeCreate(write: WriteContext): Promise<void> {
  const attributes = { ...attributesOf(write.request.user, write.request.info), verb: 'create' };
  const decision = await write.env.authorizer.authorize(attributes);
  if (decision.decision !== 'allow') throw forbidden(attributes, decision.reason);
}
