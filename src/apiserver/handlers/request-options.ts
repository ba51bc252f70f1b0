/** Create, update, patch and delete options from a request's query, checked as upstream checks them. */
import type { FieldError } from '#machinery/field-error';
import { parseInt64 } from '#machinery/integer';
import { newBadRequest, newInvalid } from '#machinery/status-error';
import { validateDeleteOptions, validatePatchOptions, validateWriteOptions, type DeleteOptionsFields } from '#machinery/validation/request-options';
import { header, type RequestContext } from '../context.ts';
import { isTrue } from '../request-info.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteOptions {
  readonly dryRun: boolean;
  /** As given; '' when not. */
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
  /** As an API object, for admission. */
  readonly asObject: Readonly<Record<string, unknown>>;
}

const META_GROUP = 'meta.k8s.io';
const FIELD_MANAGER_BYTES_MAX = 128;

export function writeOptions(context: RequestContext, kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions', apply = false): WriteOptions {
  const { query } = context.info;
  if (query.size === 0 && !apply) return { dryRun: false, fieldManager: '', fieldValidation: 'Warn', force: false, asObject: { kind, apiVersion: 'meta.k8s.io/v1' } };
  const dryRun = query.getAll('dryRun');
  const fieldManager = query.get('fieldManager') ?? '';
  const fieldValidation = query.get('fieldValidation') ?? '';
  const force = kind === 'PatchOptions' && query.has('force') ? isTrue(query.get('force')) : undefined;
  const fields = { dryRun, fieldManager, fieldValidation };
  const errors = kind === 'PatchOptions' ? validatePatchOptions({ ...fields, ...(force === undefined ? {} : { force }) }, apply) : validateWriteOptions(fields);
  refuse(kind, errors);
  return {
    dryRun: dryRun.length > 0, fieldManager, fieldValidation: fieldValidation === '' ? 'Warn' : fieldValidation as FieldValidation, force: force === true,
    asObject: {
      kind, apiVersion: 'meta.k8s.io/v1', ...(dryRun.length > 0 ? { dryRun } : {}), ...(force === undefined ? {} : { force }),
      ...(fieldManager === '' ? {} : { fieldManager }), ...(fieldValidation === '' ? {} : { fieldValidation }),
    },
  };
}

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw newInvalid(META_GROUP, kind, '', errors);
}

export interface DeleteOptions extends DeleteOptionsFields {
  gracePeriodSeconds?: number;
  readonly orphanDependents?: boolean;
  readonly propagationPolicy?: string;
  readonly dryRun?: readonly string[];
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** `unsafe`: as for `decodeDeleteOptions`. */
export function deleteOptionsFromQuery(query: URLSearchParams, unsafe = false): DeleteOptions {
  const options: Record<string, unknown> = {};
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null) options['gracePeriodSeconds'] = queryInteger(grace);
  if (query.has('orphanDependents')) options['orphanDependents'] = isTrue(query.get('orphanDependents'));
  if (query.has('propagationPolicy')) options['propagationPolicy'] = query.get('propagationPolicy')!;
  if (query.has('dryRun')) options['dryRun'] = query.getAll('dryRun');
  if (unsafe && query.has('ignoreStoreReadErrorWithClusterBreakingPotential')) options['ignoreStoreReadErrorWithClusterBreakingPotential'] = isTrue(query.get('ignoreStoreReadErrorWithClusterBreakingPotential'));
  return options;
}

/** @throws StatusError 422 */
export function checkDeleteOptions(options: DeleteOptions): void {
  refuse('DeleteOptions', validateDeleteOptions(options));
}

/** @throws StatusError 400 in Go's words. */
export function queryInteger(text: string): number {
  const value = parseInt64(text);
  if (value !== undefined) return Number(value);
  const fault = /^[+-]?\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  throw newBadRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${fault}`);
}

/** Who changes fields: the manager named, else what the user agent begins with. */
export function managerName(context: RequestContext, options: { readonly fieldManager: string }): string {
  if (options.fieldManager !== '') return options.fieldManager;
  const agent = header(context.request, 'user-agent').split('/')[0]!;
  let name = '';
  let bytes = 0;
  for (const character of agent) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) continue;
    bytes += Buffer.byteLength(character);
    if (bytes > FIELD_MANAGER_BYTES_MAX) break;
    name += character;
  }
  return name;
}
