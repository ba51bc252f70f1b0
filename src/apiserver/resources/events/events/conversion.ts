/** Events of events.k8s.io and of core are one thing under two names: this group's fields to core's and back. */
import type { Event as CoreEvent } from '#api/generated/core/v1';
import type { Event } from '#api/generated/events/v1';

const RENAMED: Readonly<Record<string, string>> = {
  regarding: 'involvedObject', note: 'message', deprecatedSource: 'source', deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp', deprecatedCount: 'count', reportingController: 'reportingComponent',
};
const BACK = Object.fromEntries(Object.entries(RENAMED).map(([here, core]) => [core, here]));

function rename(object: object, names: Readonly<Record<string, string>>, apiVersion: string): unknown {
  const renamed = Object.fromEntries(Object.entries(object).map(([field, value]) => [names[field] ?? field, value]));
  return { ...renamed, apiVersion };
}

export function toCoreEvent(event: Event): CoreEvent {
  const core = rename(event, RENAMED, 'v1') as CoreEvent;
  core.involvedObject ??= {};
  return core;
}

export function fromCoreEvent(event: CoreEvent): Event {
  const renamed = rename(event, BACK, 'events.k8s.io/v1') as Event;
  // Empty where core writes it all the same.
  if (renamed.reportingController === '') delete renamed.reportingController;
  if (renamed.reportingInstance === '') delete renamed.reportingInstance;
  return renamed;
}
