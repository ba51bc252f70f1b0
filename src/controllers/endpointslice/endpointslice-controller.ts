/** Keeps the endpoint slices of services with a selector in step with their pods. The decisions are in `slice-plan.ts`. */
import { nodes, pods, services } from '#api/generated/core/v1';
import { endpointslices, type EndpointSlice } from '#api/generated/discovery/v1';
import { subjectOf } from '#client/events/event-recorder';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { TRIGGER_TIME_ANNOTATION } from '#semantics/service-endpoints';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { isNamespaceTerminating } from '../pod-control.ts';
import { podHandlers, selects } from '../service-wakeup.ts';
import { triggerTimes } from '../trigger-times.ts';
import { MANAGED_BY_LABEL, MANAGER, planSlices, SERVICE_LABEL } from './slice-plan.ts';

export const endpointSliceController: ControllerDefinition = {
  name: 'endpointslice-controller',
  serviceAccount: 'endpointslice-controller',
  eventSource: 'endpoint-slice-controller',
  make: makeController,
};

const SERVICE_INDEX = 'service';
const ZONE = 'topology.kubernetes.io/zone';

function makeController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const allServices = informers.for(services);
  const allPods = informers.for(pods);
  const allNodes = informers.for(nodes);
  const slices = informers.for(endpointslices);
  slices.addIndex(SERVICE_INDEX, (slice) => (isOurs(slice) ? [serviceKey(slice)] : []));
  const times = triggerTimes();
  const loop = keyedLoop(context, { name: 'endpoint_slice', informers: [allServices, allPods, allNodes, slices] as const, workers: context.options.concurrentSyncs, reconcile });

  allServices.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current), onDelete: loop.enqueue });
  allPods.addHandlers(podHandlers(allServices, loop.queue.add));
  slices.addHandlers({
    onAdd: (slice) => { if (isOurs(slice)) loop.queue.add(serviceKey(slice)); },
    onUpdate(old, current) {
      if (isOurs(old) !== isOurs(current) || serviceKey(old) !== serviceKey(current)) loop.queue.add(serviceKey(old));
      if (isOurs(current)) loop.queue.add(serviceKey(current));
    },
    onDelete: (slice) => { if (isOurs(slice)) loop.queue.add(serviceKey(slice)); },
  });
  const wakeNode = (name: string): void => {
    for (const service of allServices.list()) {
      if (slices.byIndex(SERVICE_INDEX, objectKey(service)).some((slice) => slice.endpoints?.some((endpoint) => endpoint.nodeName === name))) loop.enqueue(service);
    }
  };
  allNodes.addHandlers({ onUpdate(old, current) { if (old.metadata.labels?.[ZONE] !== current.metadata.labels?.[ZONE]) wakeNode(current.metadata.name!); } });

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const service = allServices.get(name, namespace);
    if (service === undefined) { times.forget(key); return; }
    if (service.spec?.type === 'ExternalName' || service.spec?.selector === undefined || service.metadata.deletionTimestamp !== undefined) return;
    const selected = allPods.list(namespace).filter((pod) => selects(service, pod));
    const existing = slices.byIndex(SERVICE_INDEX, key).filter((slice) => slice.metadata.deletionTimestamp === undefined);
    const plan = planSlices({
      service, pods: selected, existing, maxPerSlice: context.options.maxEndpointsPerSlice,
      nodeOf: (pod) => (pod.spec?.nodeName ? allNodes.get(pod.spec.nodeName) : undefined),
    });
    if (plan.create.length + plan.update.length + plan.delete.length > 0) {
      const trigger = times.next(key, service, selected);
      try {
        await apply(key, namespace, plan, trigger, signal);
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        if (!signal.aborted) context.events.event(subjectOf(service, 'v1', 'Service'), 'Warning', 'FailedToUpdateEndpointSlices', `Error updating Endpoint Slices for Service ${key}: ${(error as Error).message}`);
        throw error;
      }
    }
    if (plan.skipped.length > 0) throw new Error(`the nodes of pods ${plan.skipped.join(', ')} are not known`);
  }

  async function apply(key: string, namespace: string, plan: ReturnType<typeof planSlices>, trigger: string | undefined, signal: AbortSignal): Promise<void> {
    const api = client.for(endpointslices, namespace);
    const stamped = (slice: EndpointSlice): EndpointSlice => {
      const { [TRIGGER_TIME_ANNOTATION]: _, ...annotations } = slice.metadata.annotations ?? {};
      return { ...slice, metadata: { ...slice.metadata, annotations: { ...annotations, ...(trigger !== undefined && { [TRIGGER_TIME_ANNOTATION]: trigger }) } } };
    };
    for (const slice of plan.create) loop.writes.wrote(key, slices, await api.create(stamped(slice), { signal }));
    for (const slice of plan.update) loop.writes.wrote(key, slices, await api.update(stamped(slice), { signal }));
    for (const slice of plan.delete) {
      try {
        await api.delete(slice.metadata.name!, { signal });
        loop.writes.deleted(key, slices, slice);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  return { run: loop.run };
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === MANAGER;
}

function serviceKey(slice: EndpointSlice): string {
  return `${slice.metadata.namespace}/${slice.metadata.labels?.[SERVICE_LABEL] ?? ''}`;
}
