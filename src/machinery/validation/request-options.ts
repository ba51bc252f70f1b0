/** Validation of what stands in the query of a write: field manager, dry run, field validation, delete options, table options. */
import { forbidden, invalid, notSupported, path, required, tooLong } from '../field-error.ts';
import type { FieldError, Place } from '../field-error.ts';
import { byteLength } from '../names.ts';

const FIELD_MANAGER_BYTES_MAX = 128;
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly dryRun?: readonly string[];
  readonly fieldValidation?: string;
}

/** CreateOptions and UpdateOptions. */
export function validateWriteOptions(options: WriteOptions): FieldError[] {
  return [
    ...validateFieldManager(options.fieldManager ?? '', path('fieldManager')),
    ...validateDryRun(options.dryRun ?? []),
    ...validateFieldValidation(options.fieldValidation ?? ''),
  ];
}

/** @param apply a server-side apply, which needs a manager and may be forced. */
export function validatePatchOptions(options: WriteOptions & { readonly force?: boolean }, apply: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (apply && !options.fieldManager) errors.push(required(path('fieldManager'), 'is required for apply patch'));
  if (!apply && options.force !== undefined) errors.push(forbidden(path('force'), 'may not be specified for non-apply patch'));
  return [...errors, ...validateWriteOptions(options)];
}

export interface DeleteOptionsFields {
  readonly dryRun?: readonly string[];
  readonly orphanDependents?: boolean;
  readonly propagationPolicy?: string;
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: object;
  readonly ignoreStoreReadErrorWithClusterBreakingPotential?: boolean;
}

export function validateDeleteOptions(options: DeleteOptionsFields): FieldError[] {
  const errors: FieldError[] = [];
  const policy = options.propagationPolicy;
  if (options.orphanDependents !== undefined && policy !== undefined) {
    errors.push(invalid(path('propagationPolicy'), policy, 'orphanDependents and deletionPropagation cannot be both set'));
  }
  if (policy !== undefined && !['Foreground', 'Background', 'Orphan'].includes(policy)) {
    errors.push(notSupported(path('propagationPolicy'), policy, ['Foreground', 'Background', 'Orphan', 'nil']));
  }
  errors.push(...validateDryRun(options.dryRun ?? []));
  if (options.ignoreStoreReadErrorWithClusterBreakingPotential !== true) return errors;
  const conflicts: readonly [string, boolean][] = [
    ['dryRun', (options.dryRun ?? []).length > 0], ['propagationPolicy', policy !== undefined],
    ['orphanDependents', options.orphanDependents !== undefined], ['gracePeriodSeconds', options.gracePeriodSeconds !== undefined],
    ['preconditions', options.preconditions !== undefined],
  ];
  for (const [name, set] of conflicts) {
    if (set) errors.push(invalid(path('ignoreStoreReadErrorWithClusterBreakingPotential'), true, `cannot be set together with .${name}`));
  }
  return errors;
}

export function validateFieldManager(manager: string, place: Place): FieldError[] {
  const errors: FieldError[] = [];
  if (byteLength(manager) > FIELD_MANAGER_BYTES_MAX) errors.push(tooLong(place, FIELD_MANAGER_BYTES_MAX));
  let position = 0;
  for (const character of manager) {
    if (!PRINTABLE.test(character)) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalid(place, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += byteLength(character);
  }
  return errors;
}

function validateDryRun(dryRun: readonly string[]): FieldError[] {
  return dryRun.every((value) => value === 'All') ? [] : [notSupported(path('dryRun'), dryRun, ['All'])];
}

function validateFieldValidation(value: string): FieldError[] {
  const supported = ['', 'Ignore', 'Strict', 'Warn'];
  return supported.includes(value) ? [] : [notSupported(path('fieldValidation'), value, supported)];
}

/** @public */
export function validateTableOptions(includeObject: string): FieldError[] {
  if (['', 'Metadata', 'None', 'Object'].includes(includeObject)) return [];
  return [invalid(path('includeObject'), includeObject, "must be 'Metadata', 'Object', 'None', or empty")];
}
