/** Mirrors hand-made Endpoints of services without a selector into endpoint slices. */
import { endpoints, services, type Endpoints } from '#api/generated/core/v1';
import { endpointslices, type EndpointSlice } from '#api/generated/discovery/v1';
import { subjectOf } from '#client/events/event-recorder';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { isNamespaceTerminating } from '../pod-control.ts';
import { ADDRESSES_PER_SUBSET_MAX, MANAGED_BY_LABEL, MANAGER, planMirror, SERVICE_LABEL } from './mirror-plan.ts';

export const endpointSliceMirroringController: ControllerDefinition = {
  name: 'endpointslice-mirroring-controller',
  serviceAccount: 'endpointslicemirroring-controller',
  eventSource: 'endpoint-slice-mirroring-controller',
  make: makeController,
};

const SERVICE_INDEX = 'mirrored-service';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
const SKIP_LABEL = 'endpointslice.kubernetes.io/skip-mirror';

function makeController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const allServices = informers.for(services);
  const all = informers.for(endpoints);
  const slices = informers.for(endpointslices);
  slices.addIndex(SERVICE_INDEX, (slice) => (isOurs(slice) ? [keyOfSlice(slice)] : []));
  const loop = keyedLoop(context, { name: 'endpoint_slice_mirroring', informers: [allServices, all, slices] as const, workers: context.options.concurrentSyncs, reconcile });
  allServices.addHandlers({
    onAdd: loop.enqueue, onDelete: loop.enqueue,
    onUpdate(old, current) { if ((old.spec?.selector === undefined) !== (current.spec?.selector === undefined)) loop.enqueue(current); },
  });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current), onDelete: loop.enqueue });
  slices.addHandlers({
    onUpdate: (_old, current) => { if (isOurs(current)) loop.queue.add(keyOfSlice(current)); },
    onDelete: (slice) => { if (isOurs(slice)) loop.queue.add(keyOfSlice(slice)); },
  });

  function mirrored(namespace: string, name: string): Endpoints | undefined {
    const object = all.get(name, namespace);
    const service = allServices.get(name, namespace);
    if (object === undefined || object.metadata.labels?.[SKIP_LABEL] === 'true' || object.metadata.annotations?.[LEADER] !== undefined) return undefined;
    return service === undefined || service.spec?.selector !== undefined ? undefined : object;
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const existing = slices.byIndex(SERVICE_INDEX, key);
    const object = mirrored(namespace, name);
    const api = client.for(endpointslices, namespace);
    const remove = async (slice: EndpointSlice): Promise<void> => {
      await api.delete(slice.metadata.name!, { signal }).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
      loop.writes.deleted(key, slices, slice);
    };
    if (object === undefined) { for (const slice of existing) await remove(slice); return; }
    const plan = planMirror(object, existing);
    const warn = (reason: string, message: string): void => context.events.event(subjectOf(object, 'v1', 'Endpoints'), 'Warning', reason, message);
    if (plan.invalidAddresses > 0) warn('InvalidIPAddress', `Skipped ${plan.invalidAddresses} invalid IP addresses when mirroring to EndpointSlices`);
    if (plan.skippedAddresses > 0) {
      warn('TooManyAddressesToMirror', `A max of ${ADDRESSES_PER_SUBSET_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. ${plan.skippedAddresses + plan.invalidAddresses} addresses were skipped`);
    }
    try {
      if (object.metadata.deletionTimestamp === undefined) for (const slice of plan.create) loop.writes.wrote(key, slices, await api.create(slice, { signal }));
      for (const slice of plan.update) loop.writes.wrote(key, slices, await api.update(slice, { signal }));
      for (const slice of plan.delete) await remove(slice);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      if (!signal.aborted) warn('FailedToUpdateEndpointSlices', `Error updating EndpointSlices for Endpoints ${key}: ${(error as Error).message}`);
      throw error;
    }
  }

  return { run: loop.run };
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === MANAGER;
}

function keyOfSlice(slice: EndpointSlice): string {
  return `${slice.metadata.namespace}/${slice.metadata.labels?.[SERVICE_LABEL] ?? ''}`;
}
