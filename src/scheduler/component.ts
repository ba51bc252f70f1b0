/**
 * The scheduler as a component: its informers, its plugins, leader election where several schedulers run.
 *
 * When leadership is lost the scheduler stops and competes again with fresh caches.
 */
import { nodes, pods } from '#api/generated/core/v1';
import type { Pod } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { createActionSink } from '#client/events/action-recorder';
import { createInformerFactory } from '#client/informer/factory';
import { createLeaderElection } from '#client/leader-election/leader-election';
import { leaderTermHeaders, type LeaderTerm } from '#client/leader-election/leader-term';
import type { Component, ComponentContext } from '#component/component';
import { watchNodes, watchPods } from './event-handlers.ts';
import { Profile, type WeightedPlugin } from './framework/profile.ts';
import { createPodReporter } from './pod-reporter.ts';
import { defaultPlugins } from './registry.ts';
import { Scheduler } from './scheduler.ts';
import { surroundings } from './surroundings.ts';

export interface SchedulerComponentOptions extends ComponentContext {
  readonly client: Client;
  /** Pods with this `schedulerName` are placed. */
  readonly schedulerName?: string;
  /** Plugins beyond the default ones. */
  readonly extraPlugins?: readonly WeightedPlugin[];
  /** With the identity of this process; absent: it is the only one. */
  readonly leaderElection?: { readonly identity: string };
}

const NAMESPACE = 'kube-system';
const LEASE = 'kube-scheduler';
const DEFAULT_SCHEDULER_NAME = 'default-scheduler';

export function createScheduler(options: SchedulerComponentOptions): Component {
  const { clock, random, log, metrics } = options;
  const schedulerName = options.schedulerName ?? DEFAULT_SCHEDULER_NAME;
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let onReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => { onReady = resolve; });

  const lead = async (signal: AbortSignal, term?: LeaderTerm): Promise<void> => {
    const client = term === undefined ? options.client : options.client.withHeaders(leaderTermHeaders(term));
    const informers = createInformerFactory({ client, clock, random, log: log.child({ part: 'informers' }) });
    const recorder = createActionSink({ client, clock, log, controller: schedulerName, instance: `${schedulerName}-${options.leaderElection?.identity ?? 'kubernode'}` });
    const podInformer = informers.for(pods, { transform: withoutManagedFields });
    const nodeInformer = informers.for(nodes);
    const around = surroundings(informers);
    const reporter = createPodReporter({ client, recorder, clock, log });
    const profile: Profile = new Profile([...defaultPlugins({
      client, ...around,
      preemption: {
        profile: () => profile, budgets: around.budgets, nominatedOn: (nodeName) => scheduler.nominator.on(nodeName), random,
        evict: reporter.evict, clearNomination: reporter.clearNomination,
      },
    }), ...options.extraPlugins ?? []]);
    const scheduler: Scheduler = new Scheduler({ profile, reporter, clock, random, log, metrics });
    try {
      watchNodes(nodeInformer, scheduler);
      informers.start();
      await Promise.all([nodeInformer, podInformer, ...around.informers].map((informer) => informer.whenSynced(signal)));
      // Nodes first: a pod that is looked at before them would be refused for nothing.
      watchPods(podInformer, scheduler, schedulerName);
      onReady();
      const end = (): void => { void scheduler.stop(); };
      signal.addEventListener('abort', end, { once: true });
      await scheduler.run();
      signal.removeEventListener('abort', end);
    } finally {
      await scheduler.stop();
      await informers.stop();
      await recorder.stop();
    }
  };

  return {
    name: 'scheduler',
    async start() {
      const work = options.leaderElection === undefined ? lead(stop.signal)
        : createLeaderElection({ client: options.client, clock, random, log, namespace: NAMESPACE, name: LEASE, ...options.leaderElection }).run(lead, stop.signal);
      running = work.catch((error: unknown) => { if (!stop.signal.aborted) log.error('the scheduler failed', { error }); });
    },
    ready: () => (options.leaderElection === undefined ? ready : Promise.resolve()),
    async stop() {
      stop.abort(new Error('the scheduler stops'));
      await running;
    },
  };
}

function withoutManagedFields(pod: Pod): Pod {
  const { managedFields: _dropped, ...metadata } = pod.metadata;
  return { ...pod, metadata };
}
