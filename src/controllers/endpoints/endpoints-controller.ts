/** Keeps the old Endpoints of services with a selector: for clients from before endpoint slices. */
import { endpoints, pods, services, type Endpoints, type Service } from '#api/generated/core/v1';
import { subjectOf } from '#client/events/event-recorder';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { semanticEqual } from '#machinery/deep-equal';
import { isNotFound } from '#machinery/status-error';
import { hasClusterIp, HEADLESS_LABEL, TRIGGER_TIME_ANNOTATION } from '#semantics/service-endpoints';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { isNamespaceTerminating } from '../pod-control.ts';
import { podHandlers, selects } from '../service-wakeup.ts';
import { triggerTimes } from '../trigger-times.ts';
import { repack, subsetsOf, truncate } from './subsets.ts';

export const endpointsController: ControllerDefinition = {
  name: 'endpoints-controller',
  serviceAccount: 'endpoint-controller',
  make: makeController,
};

const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';

function makeController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const allServices = informers.for(services);
  const allPods = informers.for(pods);
  const all = informers.for(endpoints);
  const times = triggerTimes();
  const loop = keyedLoop(context, { name: 'endpoint', informers: [allServices, allPods, all] as const, workers: context.options.concurrentSyncs, reconcile });
  allServices.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current), onDelete: loop.enqueue });
  allPods.addHandlers(podHandlers(allServices, loop.queue.add));
  all.addHandlers({
    // Left over from a service that went while nobody looked.
    onAdd: (object, initial) => { if (initial && object.metadata.annotations?.[LEADER] === undefined) loop.enqueue(object); },
    onDelete: loop.enqueue,
  });

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const service = allServices.get(name, namespace);
    const current = all.get(name, namespace);
    const api = client.for(endpoints, namespace);
    if (service === undefined) {
      times.forget(key);
      if (current !== undefined && current.metadata.annotations?.[LEADER] === undefined) await api.delete(name, { signal }).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
      return;
    }
    if (service.spec?.type === 'ExternalName' || service.spec?.selector === undefined) return;
    const selected = allPods.list(namespace).filter((pod) => selects(service, pod));
    const trigger = times.next(key, service, selected);
    const wanted = wantedEndpoints(service, current, subsetsOf(service, selected), trigger);
    if (wanted === undefined) return;
    try {
      loop.writes.wrote(key, all, current === undefined ? await api.create(wanted, { signal }) : await api.update(wanted, { signal }));
    } catch (error) {
      if (current === undefined && isNamespaceTerminating(error)) return;
      if (!signal.aborted) {
        const [reason, text] = current === undefined
          ? ['FailedToCreateEndpoint', `Failed to create endpoint for service ${key}`] : ['FailedToUpdateEndpoint', `Failed to update endpoint ${key}`];
        context.events.event(subjectOf(wanted, 'v1', 'Endpoints'), 'Warning', reason, `${text}: ${(error as Error).message}`);
      }
      throw error;
    }
  }

  return { run: loop.run };
}

/** Undefined: nothing is to be written. */
function wantedEndpoints(service: Service, current: Endpoints | undefined, subsets: Endpoints['subsets'], trigger: string | undefined): Endpoints | undefined {
  const truncated = truncate(subsets!);
  const labels = { ...service.metadata.labels, ...(!hasClusterIp(service) && { [HEADLESS_LABEL]: '' }), [MANAGED_BY_LABEL]: MANAGER };
  if (hasClusterIp(service)) delete labels[HEADLESS_LABEL];
  if (current !== undefined && semanticEqual(current.metadata.labels, labels) && (current.metadata.annotations?.[OVER_CAPACITY] !== undefined) === truncated
    && (semanticEqual(current.subsets, subsets) || semanticEqual(repack(current.subsets ?? []), subsets))) return undefined;
  const { [TRIGGER_TIME_ANNOTATION]: _, [OVER_CAPACITY]: __, ...annotations } = current?.metadata.annotations ?? {};
  if (trigger !== undefined) annotations[TRIGGER_TIME_ANNOTATION] = trigger;
  if (truncated) annotations[OVER_CAPACITY] = 'truncated';
  const metadata = current?.metadata ?? { name: service.metadata.name!, namespace: service.metadata.namespace! };
  return { ...current, metadata: { ...metadata, labels, annotations }, ...(subsets!.length > 0 ? { subsets: subsets! } : { subsets: [] }) };
}
