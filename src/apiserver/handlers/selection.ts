/**
 * Label and field selectors of a request as a `Selection` for the watch cache.
 *
 * Which fields can be selected by is the definition's to say; the three texts of refusal are upstream's.
 */
import { parseFieldSelector, type FieldRequirement, type FieldRequirements } from '#machinery/selector/field-selector';
import { labelsMatch, parseLabelSelector, type LabelRequirements } from '#machinery/selector/label-selector';
import { newBadRequest } from '#machinery/status-error';
import type { ServedResource } from '../served-resource.ts';
import type { DescribedObject, Selection } from '../store/described.ts';

const NAME = 'metadata.name';
const NAMESPACE = 'metadata.namespace';
/** Kinds with fields of their own that upstream does not let anyone select by. */
const DEFAULT_FIELDS: ReadonlySet<string> = new Set(['persistentvolumes', 'persistentvolumeclaims', 'replicasets']);
/** Older names of fields. */
const ALIASES: Readonly<Record<string, string>> = { 'pods spec.host': 'spec.nodeName' };

export interface SelectionRequest {
  /** '' for all namespaces and cluster-scoped resources. */
  readonly namespace: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** Of the URL (a watch on one object); '' when there is none. */
  readonly name: string;
}

/** @throws StatusError 400 */
export function selectionOf(served: ServedResource, request: SelectionRequest): Selection {
  const labels = parsed(request.labelSelector, parseLabelSelector);
  const fields = parsed(request.fieldSelector, parseFieldSelector).map((requirement) => known(served, requirement));
  const name = requestedName(fields, request.name);
  if (name !== undefined && fields.length <= 1 && labels.length === 0) return onlyName(request.namespace, name);
  return {
    namespace: request.namespace,
    name,
    everything: labels.length === 0 && fields.length === 0 && name === undefined,
    labelPairs: labels.filter((one) => (one.operator === '=' || one.operator === '==') && one.values.length === 1).map((one) => [one.key, [...one.values][0]!] as const),
    fieldPairs: fields.filter((one) => one.operator !== '!=' && one.field !== NAME && one.field !== NAMESPACE).map((one) => [one.field, one.value] as const),
    matches: (object) => matches(object, labels, fields),
  };
}

function onlyName(namespace: string, name: string): Selection {
  return { namespace, name, everything: false, labelPairs: [], fieldPairs: [], matches: (object) => object.name === name };
}

function parsed<T>(text: string, parse: (text: string) => T): T {
  try { return parse(text); } catch (error) { throw newBadRequest((error as Error).message); }
}

function requestedName(fields: FieldRequirements, urlName: string): string | undefined {
  const exact = fields.find((one) => one.field === NAME && one.operator !== '!=')?.value;
  if (urlName === '') return exact;
  if (fields.length > 0 && exact !== urlName) throw newBadRequest("fieldSelector metadata.name doesn't match requested name");
  return urlName;
}

function known(served: ServedResource, requirement: FieldRequirement): FieldRequirement {
  const { info, definition } = served;
  const field = ALIASES[`${info.resource} ${requirement.field}`] ?? requirement.field;
  const extra = DEFAULT_FIELDS.has(info.resource) ? [] : definition.selectableFieldNames ?? [];
  if (info.group === 'events.k8s.io' && extra.includes(field)) return { ...requirement, field: coreEventField(field) };
  if (field === NAME || extra.includes(field) || (field === NAMESPACE && (info.namespaced || extra.length === 0 || served.custom))) return { ...requirement, field };
  if (served.custom) throw newBadRequest(`field label not supported: ${field}`);
  if (extra.length === 0) throw newBadRequest(`${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
  if (info.kind === 'Job') throw newBadRequest(`field label ${JSON.stringify(field)} not supported for Job`);
  if (info.kind === 'ResourceSlice') throw newBadRequest(`field label not supported for ${served.apiVersion}, Kind=${info.kind}: ${field}`);
  throw newBadRequest(`field label not supported: ${field}`);
}

/** Events of both groups are described by core's names. */
function coreEventField(field: string): string {
  return field.replace(/^regarding\./, 'involvedObject.').replace('reportingController', 'reportingComponent');
}

function matches(object: DescribedObject, labels: LabelRequirements, fields: FieldRequirements): boolean {
  for (const { field, operator, value } of fields) {
    const actual = field === NAME ? object.name : field === NAMESPACE ? object.namespace : object.fields?.[field] ?? '';
    if ((operator === '!=') === (actual === value)) return false;
  }
  return labels.length === 0 || labelsMatch(labels, object.labels);
}
