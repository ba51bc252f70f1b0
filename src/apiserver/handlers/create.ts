/** POST to a collection: a new object. */
import type { KubeObject } from '#machinery/meta';
import { newAlreadyExists, newGenerateNameConflict, newUnknownError, StatusError } from '#machinery/status-error';
import type { RequestContext } from '../context.ts';
import type { ApiResponse } from '../request.ts';
import type { ServedResource } from '../served-resource.ts';
import { leaderTermOf } from '../store/leader-fence.ts';
import type { StoredBytes } from '../store/resource-store.ts';
import { beforeCreate, ensureNamespace, fillSystemFields, wipeSystemFields } from './before-create.ts';
import { decodeObject, readObjectBody } from './decode-body.ts';
import { admissionAttributes, writeContext, type HandlerEnvironment, type WriteContext, type WriteHooks } from './environment.ts';
import { trackUpdate, withVersions } from './field-management.ts';
import { negotiateOutput, respondStored } from './respond.ts';
import { dropRepeatedOwners } from './owner-references.ts';
import { managerName, writeOptions } from './request-options.ts';
import { copy, toStored } from './update-object.ts';

const GENERATED_NAMES_MAX = 8;
const GENERATE_RETRY_SECONDS = 1;

export async function handleCreate(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const output = negotiateOutput(context, served);
  const body = await readObjectBody(context);
  const options = writeOptions(context, 'CreateOptions');
  const write = writeContext(env, context, served, options);
  const object = decodeObject(body, context, served, options.fieldValidation);
  wipeSystemFields(object.metadata);
  ensureNamespace(object.metadata, write.namespace);
  const stored = await createObject(write, object);
  return respondStored(context, served, output, stored, 201, env);
}

/** The rest of a create, from the decoded object on. @throws StatusError */
export async function createObject(write: WriteContext, object: KubeObject): Promise<StoredBytes> {
  const { env, request, served } = write;
  dropRepeatedOwners(object, request, false);
  let wanted = await withVersions(served, request, () => trackUpdate(served, undefined, object, managerName(request, write.options), '', request));
  await env.admission.admit(admissionAttributes(write, 'CREATE', wanted, undefined));
  dropRepeatedOwners(wanted, request, true);
  const generates = Boolean(wanted.metadata.generateName) && !wanted.metadata.name;
  if (!generates) return createOnce(write, wanted);
  for (let attempt = 1; ; attempt++) {
    const pristine = attempt < GENERATED_NAMES_MAX ? copy(wanted) : wanted;
    try {
      return await createOnce(write, wanted);
    } catch (error) {
      if (!(error instanceof StatusError && error.reason === 'AlreadyExists') || attempt === GENERATED_NAMES_MAX) throw error;
      wanted = pristine;
    }
  }
}

async function createOnce(write: WriteContext, object: KubeObject): Promise<StoredBytes> {
  const { env, served } = write;
  const { store } = served;
  const hooks = env.hooksOf(served);
  fillSystemFields(object, write);
  if (hooks?.beginCreate !== undefined && !write.options.dryRun) await rehearse(write, hooks, copy(object));
  const reservation = await hooks?.beginCreate?.(object, write.options.dryRun);
  try {
    beforeCreate(object, write);
    const hasRevision = (object.metadata.resourceVersion ?? '0') !== '0' && object.metadata.resourceVersion !== '';
    if (hasRevision && !write.options.dryRun) throw newUnknownError('resourceVersion should not be set on objects to be created');
    await env.admission.validate(admissionAttributes(write, 'CREATE', object, undefined));
    const name = object.metadata.name!;
    const key = store.keyOf(write.namespace, name);
    const ttl = served.definition.ttlSeconds?.(object);
    const inStore = toStored(served, object);
    if (write.options.dryRun) {
      if (await store.get(key) !== undefined) throw await nameTaken(write, object, key);
      const bytes = store.encode(inStore);
      await reservation?.giveBack();
      return { bytes, revision: 0 };
    }
    const stored = await store.create(key, inStore, { leaseId: ttl === undefined ? undefined : await env.leaseFor(ttl), term: leaderTermOf(write.request.request) });
    if (stored === undefined) throw await nameTaken(write, object, key);
    await reservation?.keep();
    return stored;
  } catch (error) {
    await reservation?.giveBack();
    throw error;
  }
}

/** What will be refused takes nothing first: a service that is invalid, or is there already, writes no address. @throws StatusError */
async function rehearse(write: WriteContext, hooks: WriteHooks, object: KubeObject): Promise<void> {
  const { store } = write.served;
  // What a rehearsal may not have, the create itself says in its own words, and takes nothing for it.
  try { await hooks.beginCreate!(object, true); } catch { return; }
  beforeCreate(object, write);
  const key = store.keyOf(write.namespace, object.metadata.name!);
  if (await store.get(key) !== undefined) throw await nameTaken(write, object, key);
}

/** The name is taken; whether by an object that is on its way out, is said too. */
async function nameTaken(write: WriteContext, object: KubeObject, key: string): Promise<StatusError> {
  const { info, store } = write.served;
  const name = object.metadata.name!;
  const error = object.metadata.generateName
    ? newGenerateNameConflict(info.group, info.resource, name, GENERATE_RETRY_SECONDS) : newAlreadyExists(info.group, info.resource, name);
  const there = await store.get(key);
  if (there === undefined || !there.bytes.includes('"deletionTimestamp":"')) return error;
  const { metadata } = JSON.parse(there.bytes.toString('utf8')) as KubeObject;
  return metadata.deletionTimestamp ? new StatusError({ ...error.status, message: `object is being deleted: ${error.message}` }) : error;
}
