/**
 * The table of events, of both groups: core's and events.k8s.io's name the same things differently.
 */
import type { Event as CoreEvent } from '#api/generated/core/v1';
import type { Event } from '#api/generated/events/v1';
import type { TablePrinter } from '../definition.ts';
import { since } from './cells.ts';
import { column, NAME, wideColumn } from './columns.ts';

export const eventPrinter: TablePrinter<CoreEvent | Event> = {
  columns: [
    column('Last Seen', 'string', 'Time since the event was last seen.'),
    column('Type', 'string', 'Normal or Warning.'),
    column('Reason', 'string', 'What happened, in one word.'),
    column('Object', 'string', 'Object the event is about.'),
    wideColumn('Subobject', 'string', 'Part of that object.'),
    wideColumn('Source', 'string', 'Component that reported the event, and its host.'),
    column('Message', 'string', 'What happened.'),
    wideColumn('First Seen', 'string', 'Time since the event was first seen.'),
    wideColumn('Count', 'string', 'How often the event was seen.'),
    { ...NAME, priority: 1 },
  ],
  cells(event, nowMs) {
    const seen = asCore(event);
    const first = since(seen.firstTimestamp ?? seen.eventTime, nowMs);
    let last = seen.lastTimestamp === undefined || seen.lastTimestamp === null ? first : since(seen.lastTimestamp, nowMs);
    let count = seen.count ?? 0;
    if (seen.series !== undefined) {
      last = since(seen.series.lastObservedTime, nowMs);
      count = seen.series.count ?? 0;
    } else if (count === 0) count = 1;
    const object = seen.involvedObject;
    const kind = (object.kind ?? '').toLowerCase();
    const component = firstNonEmpty(seen.source?.component, seen.reportingComponent);
    const host = firstNonEmpty(seen.source?.host, seen.reportingInstance);
    return [
      last, seen.type ?? '', seen.reason ?? '', (object.name ?? '') === '' ? kind : `${kind}/${object.name}`, object.fieldPath ?? '',
      host === '' ? component : `${component}, ${host}`, (seen.message ?? '').trim(), first, count, event.metadata.name,
    ];
  },
};

function asCore(event: CoreEvent | Event): CoreEvent {
  if ('involvedObject' in event) return event;
  const {
    regarding, note, deprecatedSource, deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedCount, reportingController, ...rest
  } = event as Event;
  return {
    ...rest, involvedObject: regarding ?? {},
    ...(note === undefined ? {} : { message: note }),
    ...(deprecatedSource === undefined ? {} : { source: deprecatedSource }),
    ...(deprecatedFirstTimestamp === undefined ? {} : { firstTimestamp: deprecatedFirstTimestamp }),
    ...(deprecatedLastTimestamp === undefined ? {} : { lastTimestamp: deprecatedLastTimestamp }),
    ...(deprecatedCount === undefined ? {} : { count: deprecatedCount }),
    ...(reportingController === undefined ? {} : { reportingComponent: reportingController }),
  } as CoreEvent;
}

function firstNonEmpty(...texts: (string | undefined)[]): string {
  return texts.find((text) => text !== undefined && text !== '') ?? '';
}
