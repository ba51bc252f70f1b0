/**
 * What a controller is: a name, an identity, and a loop made from what the manager hands in.
 *
 * A controller reads caches, plans with pure functions and writes through its own client. It asks for its informers when
 * it is made, so that all are known before they start, and begins to work when they have synchronised.
 */
import { rateLimitedQueue, type RateLimitedQueue } from '#base/queue/rate-limited-queue';
import { queueMetrics } from '#base/queue/queue-metrics';
import type { Client } from '#client/client';
import type { EventRecorder } from '#client/events/event-recorder';
import type { Informer, InformerFactory } from '#client/informer-contract';
import { objectKey } from '#client/informer/object-store';
import { OwnWrites, UNSEEN_WRITE_RECHECK_MS } from '#client/reconcile/own-writes';
import { runReconciler, type Result } from '#client/reconcile/reconciler';
import type { ComponentContext } from '#component/component';
import type { KubeObject } from '#machinery/meta';
import type { ControllerOptions } from './options.ts';

export interface ControllerContext extends ComponentContext {
  /** Writes with the controller's own identity. */
  readonly client: Client;
  readonly informers: InformerFactory;
  /** Records under the controller's name, as upstream spells it. */
  readonly events: EventRecorder;
  /** A recorder of another component name, for the few controllers that use several. */
  eventsAs(component: string): EventRecorder;
  readonly options: ControllerOptions;
}

export interface Controller {
  /** Works until aborted, then awaits what it started. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ControllerDefinition {
  /** Upstream's name, such as `deployment-controller`: for flags, logs and metrics. */
  readonly name: string;
  /** Service account in kube-system: `deployment-controller`. Absent: it acts as the controller manager itself. */
  readonly serviceAccount?: string;
  /** The component that its events name; default: the service account, or the name. */
  readonly eventSource?: string;
  /** Off unless asked for by name. */
  readonly optional?: boolean;
  /** @returns undefined when the options turn it off. */
  make(context: ControllerContext): Controller | undefined;
}

export interface KeyedLoop {
  readonly queue: RateLimitedQueue;
  readonly writes: OwnWrites;
  /** Queues the object's own key. */
  enqueue(object: KubeObject): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface KeyedLoopOptions {
  readonly name: string;
  /** Awaited before the first key. */
  readonly informers: readonly Informer<never>[] | readonly Pick<Informer<KubeObject>, 'whenSynced'>[];
  readonly workers?: number;
  readonly retriesMax?: number;
  reconcile(key: string, signal: AbortSignal): Promise<Result>;
}

/** The loop of nearly all controllers: keys, workers, and no decision before the own writes are visible. */
export function keyedLoop(context: ControllerContext, options: KeyedLoopOptions): KeyedLoop {
  const queue = rateLimitedQueue<string>(options.name, context.clock, { observer: queueMetrics(options.name, context.metrics, context.clock) });
  const writes = new OwnWrites();
  return {
    queue,
    writes,
    enqueue: (object) => queue.add(objectKey(object)),
    async run(signal) {
      await Promise.all(options.informers.map((informer) => informer.whenSynced(signal)));
      await runReconciler({
        name: options.name, queue, log: context.log, clock: context.clock, metrics: context.metrics,
        ...(options.workers !== undefined && { workers: options.workers }), ...(options.retriesMax !== undefined && { retriesMax: options.retriesMax }),
        reconcile: async (key, inner) => (writes.settled(key) ? options.reconcile(key, inner) : { afterMs: UNSEEN_WRITE_RECHECK_MS }),
      }, signal);
    },
  };
}
