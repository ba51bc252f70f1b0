/**
 * The rules of events, which two groups serve over one store: core's own tolerant ones, and the strict ones of events.k8s.io.
 *
 * Both are judged in core's shape, and faults name core's fields.
 */
import type { Event } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123SubdomainFaults, qualifiedNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { goJsonOf, goJsonOfPointer } from './internal-print.ts';
import { checkFinalizers, checkMetaOnUpdate } from './metadata.ts';

export type EventApi = 'core' | 'events.k8s.io';

const NAME_LENGTH_MAX = 128;
const NOTE_LENGTH_MAX = 1024;

/** @param api which group the request came through. */
export function checkEvent(event: Event, api: EventApi, faults: Faults): void {
  checkLegacyRules(event, api, faults);
  if (api === 'core') return;
  checkFinalizers(event, faults);
  checkSeries(event, faults);
  if (!event.eventTime) faults.required('eventTime');
  if (event.type !== 'Normal' && event.type !== 'Warning') faults.invalid('type', '', `has invalid value: ${event.type ?? ''}`);
  for (const field of ['firstTimestamp', 'lastTimestamp', 'count'] as const) if (event[field]) faults.invalid(field, '', 'needs to be unset');
  if (event.source?.component || event.source?.host) faults.invalid('source', '', 'needs to be unset');
}

function checkLegacyRules(event: Event, api: EventApi, faults: Faults): void {
  const namespace = event.metadata.namespace ?? '';
  const about = event.involvedObject?.namespace ?? '';
  const mismatch = (): void => faults.invalid('involvedObject.namespace', about, 'does not match event.namespace');
  if (!event.eventTime) {
    if (about === '' ? namespace !== '' && namespace !== 'default' : namespace !== about) mismatch();
  } else {
    if (about === '' && namespace !== 'default' && namespace !== 'kube-system') mismatch();
    const controller = event.reportingComponent ?? '';
    const controllerField = api === 'core' ? 'reportingComponent' : 'reportingController';
    if (controller === '') faults.required(controllerField);
    faults.invalidAll(controllerField, controller, qualifiedNameFaults(controller));
    for (const field of ['reportingInstance', 'action', 'reason'] as const) {
      const value = event[field] ?? '';
      if (value === '') faults.required(field);
      if (value.length > NAME_LENGTH_MAX) faults.invalid(field, '', `can have at most ${NAME_LENGTH_MAX} characters`);
    }
    if ((event.message ?? '').length > NOTE_LENGTH_MAX) faults.invalid('message', '', `can have at most ${NOTE_LENGTH_MAX} characters`);
  }
  faults.invalidAll('namespace', namespace, dns1123SubdomainFaults(namespace));
}

function checkSeries(event: Event, faults: Faults): void {
  if (!event.series) return;
  if ((event.series.count ?? 0) < 2) faults.invalid('series.count', '', 'should be at least 2');
  if (!event.series.lastObservedTime) faults.required('series.lastObservedTime');
}

const IMMUTABLE = ['involvedObject', 'reason', 'message', 'source', 'firstTimestamp', 'lastTimestamp', 'count', 'reason', 'type', 'eventTime', 'action',
  'related', 'reportingComponent', 'reportingInstance'] as const;

/** Through events.k8s.io, only the series may change. */
export function checkEventUpdate(event: Event, old: Event, api: EventApi, faults: Faults): void {
  checkLegacyRules(event, api, faults);
  if (api === 'core') return;
  checkMetaOnUpdate(event, old, faults);
  if (!semanticEqual(event.series, old.series)) checkSeries(event, faults);
  for (const field of IMMUTABLE) {
    if (semanticEqual(event[field], old[field])) continue;
    faults.invalid(field === 'reportingComponent' ? 'reportingController' : field, printed(event, field), 'field is immutable');
  }
}

function printed(event: Event, field: (typeof IMMUTABLE)[number]): unknown {
  switch (field) {
    case 'involvedObject': return goJsonOf('core/v1.ObjectReference', event.involvedObject);
    case 'related': return goJsonOfPointer('core/v1.ObjectReference', event.related);
    case 'source': return goJsonOf('core/v1.EventSource', event.source);
    case 'count': return event.count ?? 0;
    case 'firstTimestamp': case 'lastTimestamp': case 'eventTime': return event[field] ?? null;
    default: return event[field] ?? '';
  }
}

/** The values that field selectors see; each group has its own names for some. */
export function eventFields(event: Event): Record<string, string> {
  const about = event.involvedObject ?? {};
  return {
    'involvedObject.kind': about.kind ?? '',
    'involvedObject.namespace': about.namespace ?? '',
    'involvedObject.name': about.name ?? '',
    'involvedObject.uid': about.uid ?? '',
    'involvedObject.apiVersion': about.apiVersion ?? '',
    'involvedObject.resourceVersion': about.resourceVersion ?? '',
    'involvedObject.fieldPath': about.fieldPath ?? '',
    reason: event.reason ?? '',
    reportingComponent: event.reportingComponent ?? '',
    source: event.source?.component || (event.reportingComponent ?? ''),
    type: event.type ?? '',
  };
}

export const EVENT_TTL_SECONDS = 3600;
