/** Events of events.k8s.io as a resource; the store is core's. */
import { events, type Event } from '#api/generated/events/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { checkEvent, checkEventUpdate, EVENT_TTL_SECONDS, eventFields } from '../../rules/events.ts';
import { faultsOf } from '../../rules/faults.ts';
import { toCoreEvent } from './conversion.ts';

/** `regarding.*` and `reportingController` here, `involvedObject.*` and `reportingComponent` in core. */
function fieldsHere(event: Event): Record<string, string> {
  return Object.fromEntries(Object.entries(eventFields(toCoreEvent(event)))
    .map(([name, value]) => [name.replace('involvedObject.', 'regarding.').replace('reportingComponent', 'reportingController'), value])
    .filter(([name]) => name !== 'source'));
}

export const eventsEventDefinition: ResourceDefinition<Event> = {
  resource: events,
  schema: 'events/v1.Event',
  nameRule: 'dns1123-subdomain',
  strategy: {
    validateCreate: (event) => faultsOf((faults) => checkEvent(toCoreEvent(event), 'events.k8s.io', faults)),
    validateUpdate: (event, old) => faultsOf((faults) => checkEventUpdate(toCoreEvent(event), toCoreEvent(old), 'events.k8s.io', faults)),
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
  selectableFieldNames: Object.keys(fieldsHere({ metadata: {} } as Event)),
  selectableFields: fieldsHere,
  ttlSeconds: () => EVENT_TTL_SECONDS,
};
