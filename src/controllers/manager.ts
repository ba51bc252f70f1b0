/**
 * Runs all controllers as one component: shared caches, a client and an event source for each with its own identity,
 * leader election where several managers run.
 *
 *     start ──▶ (leader?) ──▶ make all ──▶ start informers ──▶ run all
 *
 * When leadership is lost all controllers stop, and the manager competes again with fresh caches: nothing old is acted on.
 * Their writes name the term, so that the server refuses what a stopped process sends after another has taken over.
 */
import type { Client } from '#client/client';
import { createEventSink, type EventRecorder, type EventSink } from '#client/events/event-recorder';
import { createInformerFactory } from '#client/informer/factory';
import { createLeaderElection } from '#client/leader-election/leader-election';
import { leaderTermHeaders, type LeaderTerm } from '#client/leader-election/leader-term';
import type { Component, ComponentContext } from '#component/component';
import type { Controller, ControllerDefinition } from './controller.ts';
import { DEFAULT_CONTROLLER_OPTIONS, type ControllerOptions } from './options.ts';
import { CONTROLLERS } from './registry.ts';

export interface ControllerManagerOptions extends ComponentContext {
  /** For the shared caches and the lease. */
  readonly client: Client;
  /** A client that acts as `system:serviceaccount:kube-system:<serviceAccount>`; absent: all act as `client`. */
  readonly clientFor?: (serviceAccount: string) => Client;
  readonly options?: Partial<ControllerOptions>;
  /** `--controllers`: names to run, `*` all, `-name` all but that. Default: `['*']`. */
  readonly controllers?: readonly string[];
  /** With the identity of this process; absent: it is the only one. */
  readonly leaderElection?: { readonly identity: string; readonly leaseDurationMs?: number; readonly renewDeadlineMs?: number; readonly retryPeriodMs?: number };
}

const NAMESPACE = 'kube-system';
const LEASE = 'kube-controller-manager';
const RESTART_MS = 1000;

export interface ControllerManager extends Component {
  /** False while it is a candidate. */
  isLeading(): boolean;
}

export function createControllerManager(options: ControllerManagerOptions): ControllerManager {
  const { clock, log } = options;
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let leading = false;
  let onReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => { onReady = resolve; });

  async function lead(signal: AbortSignal, leaderTerm?: LeaderTerm): Promise<void> {
    const fenced = (client: Client): Client => (leaderTerm === undefined ? client : client.withHeaders(leaderTermHeaders(leaderTerm)));
    const { clientFor } = options;
    const clients = { client: fenced(options.client), ...(clientFor !== undefined && { clientFor: (account: string) => fenced(clientFor(account)) }) };
    const term = new AbortController();
    const end = (): void => term.abort(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    const informers = createInformerFactory({ client: options.client, clock, random: options.random, log: log.child({ part: 'informers' }) });
    const sinks = new Map<string, EventSink>();
    try {
      const made = selected(options.controllers).flatMap((definition) => {
        const controller = makeOne({ ...options, ...clients }, definition, informers, sinks);
        return controller === undefined ? [] : [{ definition, controller }];
      });
      informers.start();
      leading = true;
      onReady();
      await Promise.all(made.map(({ definition, controller }) => keepRunning(options, definition, controller, term.signal)));
    } finally {
      leading = false;
      term.abort(new Error('the controller manager stops'));
      signal.removeEventListener('abort', end);
      await informers.stop();
      await Promise.all([...sinks.values()].map((sink) => sink.stop()));
    }
  }

  return {
    name: 'controller-manager',
    isLeading: () => leading,
    async start() {
      const work = options.leaderElection === undefined ? lead(stop.signal) : createLeaderElection({
        client: options.client, clock, random: options.random, log, namespace: NAMESPACE, name: LEASE, ...options.leaderElection,
      }).run(lead, stop.signal);
      running = work.catch((error: unknown) => { if (!stop.signal.aborted) log.error('the controller manager failed', { error }); });
    },
    /** A candidate is ready too: another one leads. */
    ready: () => (options.leaderElection === undefined ? ready : Promise.resolve()),
    async stop() {
      stop.abort(new Error('the controller manager stops'));
      await running;
    },
  };
}

function makeOne(options: ControllerManagerOptions, definition: ControllerDefinition, informers: ReturnType<typeof createInformerFactory>, sinks: Map<string, EventSink>): Controller | undefined {
  const account = definition.serviceAccount;
  const client = (account === undefined ? undefined : options.clientFor?.(account)) ?? options.client;
  const log = options.log.child({ controller: definition.name });
  const eventsAs = (component: string): EventRecorder => {
    const key = `${account ?? ''}|${component}`;
    let sink = sinks.get(key);
    if (sink === undefined) sinks.set(key, sink = createEventSink({ client, clock: options.clock, log, component }));
    return sink;
  };
  return definition.make({
    clock: options.clock, random: options.random, metrics: options.metrics, log, client, informers, eventsAs,
    events: eventsAs(definition.eventSource ?? account ?? definition.name),
    options: { ...DEFAULT_CONTROLLER_OPTIONS, ...options.options },
  });
}

/** A controller that fails as a whole is run again: the others go on. */
async function keepRunning(options: ControllerManagerOptions, definition: ControllerDefinition, controller: Controller, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await controller.run(signal);
      return;
    } catch (error) {
      if (signal.aborted) return;
      options.log.error('controller failed, running it again', { controller: definition.name, error });
      await options.clock.sleep(RESTART_MS, signal).catch(() => undefined);
    }
  }
}

/** @throws Error for a name that is not known. */
function selected(wanted: readonly string[] = ['*']): ControllerDefinition[] {
  const names = new Set(CONTROLLERS.map((definition) => definition.name));
  if (names.size !== CONTROLLERS.length) throw new Error('two controllers have the same name');
  for (const word of wanted) {
    const name = word.replace(/^-/, '');
    if (name !== '*' && !names.has(name)) throw new Error(`"${name}" is not in the list of known controllers`);
  }
  return CONTROLLERS.filter(({ name, optional }) => {
    if (wanted.includes(`-${name}`)) return false;
    return wanted.includes(name) || (wanted.includes('*') && optional !== true);
  });
}
