/** ListOptions from a query, for lists, watches and deletecollection, with upstream's checks. */
import { forbidden, notSupported, type FieldError } from '#machinery/field-error';
import { parseUint64 } from '#machinery/integer';
import { newBadRequest, newInvalid, newUnknownError } from '#machinery/status-error';
import { isTrue } from '../request-info.ts';
import { queryInteger } from './request-options.ts';

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continueToken: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly watch: boolean;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  readonly timeoutSeconds: number;
}

/** @throws StatusError 400, 422 */
export function listOptions(query: URLSearchParams): ListOptions {
  const integer = (name: string): number => {
    const text = query.get(name);
    const value = text === null ? 0 : queryInteger(text);
    if (value < 0 && name === 'limit') throw newBadRequest(`limit must not be negative: ${text}`);
    return value;
  };
  const options = {
    labelSelector: query.get('labelSelector') ?? '', fieldSelector: query.get('fieldSelector') ?? '',
    limit: integer('limit'), continueToken: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '', resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    watch: isTrue(query.get('watch')), allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: query.has('sendInitialEvents') ? isTrue(query.get('sendInitialEvents')) : undefined, timeoutSeconds: integer('timeoutSeconds'),
  };
  // A watch from nowhere starts with what is there.
  if (options.watch && options.sendInitialEvents === undefined && options.resourceVersionMatch === '' && (options.resourceVersion === '' || options.resourceVersion === '0')) {
    options.sendInitialEvents = true;
    options.resourceVersionMatch = 'NotOlderThan';
  }
  const errors = options.watch ? watchFaults(options) : listFaults(options);
  if (errors.length > 0) throw newInvalid('meta.k8s.io', 'ListOptions', '', errors);
  return options;
}

const AT = 'resourceVersionMatch';

function listFaults(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (match !== '') {
    if (options.resourceVersion === '') errors.push(forbidden(AT, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (options.continueToken !== '') errors.push(forbidden(AT, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(notSupported(AT, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && options.resourceVersion === '0') errors.push(forbidden(AT, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (options.sendInitialEvents !== undefined) errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return errors;
}

function watchFaults(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(forbidden(AT, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (match === '') return errors;
  if (options.sendInitialEvents === undefined) errors.push(forbidden(AT, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
  if (match !== 'NotOlderThan') errors.push(notSupported(AT, match, ['NotOlderThan']));
  if (options.continueToken !== '') errors.push(forbidden(AT, 'resourceVersionMatch is forbidden when continue is provided'));
  return errors;
}

/** A revision from text; 0 for ''. @throws StatusError 500 as upstream, 400 for lists. */
export function parseRevision(text: string, list = false): number {
  if (text === '') return 0;
  const value = parseUint64(text);
  if (value !== undefined) return Number(value);
  const fault = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  const message = `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${fault}`;
  throw list ? newBadRequest(`invalid resource version: ${message}`) : newUnknownError(message);
}
