/** Events of the core group as a resource. */
import { events, type Event } from '#api/generated/core/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { checkEvent, checkEventUpdate, EVENT_TTL_SECONDS, eventFields } from '../../rules/events.ts';
import { faultsOf } from '../../rules/faults.ts';

export const eventDefinition: ResourceDefinition<Event> = {
  resource: events,
  schema: 'core/v1.Event',
  nameRule: 'path-segment',
  strategy: {
    validateCreate: (event) => faultsOf((faults) => checkEvent(event, 'core', faults)),
    validateUpdate: (event, old) => faultsOf((faults) => checkEventUpdate(event, old, 'core', faults)),
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
  selectableFieldNames: Object.keys(eventFields({ metadata: {}, involvedObject: {} })),
  selectableFields: eventFields,
  ttlSeconds: () => EVENT_TTL_SECONDS,
};
