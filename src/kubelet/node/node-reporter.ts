/**
 * Registers the node and reports its status: at once when something changed, otherwise every five minutes; the lease says the rest.
 *
 * What counts as reported is what the API server has: when somebody else changed it (the control plane, after a silence) it is said again.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { nodes, type Node, type NodeCondition, type NodeStatus } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import type { EventRecorder } from '#client/events/event-recorder';
import { semanticEqual } from '#machinery/deep-equal';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import type { KubeletConfig } from '../config.ts';
import { newNode } from './node-object.ts';

export interface NodeReporter {
  /** Runs until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Something that the status shows has changed. */
  poke(): void;
  /** The node as last seen; undefined before it was registered. */
  node(): Node | undefined;
  /** Resolves when the node is registered and was reported Ready. */
  whenReady(signal: AbortSignal): Promise<void>;
}

export interface NodeReporterOptions {
  config: KubeletConfig;
  client: Client;
  clock: Clock;
  log: Logger;
  recorder: EventRecorder;
  /** The status as it is now, given the conditions of before. */
  status(old: readonly NodeCondition[]): Promise<NodeStatus>;
}

const REGISTER_RETRY_MS_MIN = 100;
const REGISTER_RETRY_MS_MAX = 7_000;
/** Until the node was ready once, it is looked at this often. */
const STARTUP_PERIOD_MS = 200;

export function createNodeReporter(options: NodeReporterOptions): NodeReporter {
  const { config, clock, log } = options;
  let current: Node | undefined;
  let reportedMs = -Infinity;
  let reported: NodeStatus | undefined;
  let readyOnce = false;
  let wake: (() => void) | undefined;
  const waiting: (() => void)[] = [];

  async function register(signal: AbortSignal): Promise<void> {
    const wanted = newNode(config);
    for (let delayMs = REGISTER_RETRY_MS_MIN; ; delayMs = Math.min(REGISTER_RETRY_MS_MAX, delayMs * 2)) {
      try {
        const status = await options.status([]);
        const client = options.client.for(nodes);
        try { current = await client.create({ ...wanted, status }, { signal }); } catch (error) {
          if (!isAlreadyExists(error)) throw error;
          current = await adopt(await client.get(config.nodeName, { signal }), wanted, signal);
        }
        return;
      } catch (error) {
        signal.throwIfAborted();
        log.info('the node is not registered yet', { node: config.nodeName, error: error instanceof Error ? error.message : error });
        await clock.sleep(delayMs, signal);
      }
    }
  }

  /** A node that comes back keeps its object; its own labels are brought up to date. */
  async function adopt(found: Node, wanted: Node, signal: AbortSignal): Promise<Node> {
    const stale = Object.entries(wanted.metadata.labels ?? {}).filter(([key, value]) => found.metadata.labels?.[key] !== value);
    if (stale.length === 0) return found;
    return options.client.for(nodes).patch(config.nodeName, 'application/strategic-merge-patch+json', { metadata: { labels: Object.fromEntries(stale) } }, { signal });
  }

  async function report(signal: AbortSignal): Promise<void> {
    if (readyOnce) current = await options.client.for(nodes).get(config.nodeName, { signal, resourceVersion: '0' });
    const old = current?.status?.conditions ?? [];
    const status = await options.status(old);
    const nowMs = clock.monotonicNow();
    const unchanged = reported !== undefined && semanticEqual(withoutHeartbeats(status), withoutHeartbeats(reported)) && sameConditions(old, status.conditions ?? []);
    if (unchanged && nowMs - reportedMs < config.nodeStatusReportMs) return;
    const patch = { status: { ...status, addresses: [...(status.addresses ?? []), { $patch: 'replace' }] } };
    const before = current;
    current = await options.client.for(nodes).patch(config.nodeName, 'application/strategic-merge-patch+json', patch, { subresource: 'status', signal });
    reportedMs = nowMs;
    reported = status;
    recordTransitions(options, before?.status?.conditions ?? [], status.conditions!);
    if (status.conditions!.some((condition) => condition.type === 'Ready' && condition.status === 'True')) {
      readyOnce = true;
      for (const resolve of waiting.splice(0)) resolve();
    }
  }

  return {
    run: async (signal) => {
      await register(signal);
      options.recorder.event(nodeSubject(config), 'Normal', 'Starting', 'Starting kubelet.');
      while (!signal.aborted) {
        await report(signal).catch(async (error: unknown) => {
          // Somebody deleted the Node while this one lives: it is made again.
          if (isNotFound(error)) { reported = undefined; await register(signal); return; }
          if (!signal.aborted) log.warn('node status was not reported', { error: error instanceof Error ? error.message : error });
        });
        await new Promise<void>((resolve) => {
          wake = resolve;
          clock.sleep(readyOnce ? config.nodeStatusUpdateMs : STARTUP_PERIOD_MS, signal).then(resolve, () => resolve());
        });
      }
    },
    poke: () => wake?.(),
    node: () => current,
    whenReady: (signal) => readyOnce ? Promise.resolve() : new Promise((resolve, reject) => {
      waiting.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
  };
}

export function nodeSubject(config: Pick<KubeletConfig, 'nodeName'>): { kind: string; apiVersion: string; name: string; uid: string } {
  // Upstream's events about nodes carry the name as uid; `kubectl describe node` looks for both.
  return { kind: 'Node', apiVersion: 'v1', name: config.nodeName, uid: config.nodeName };
}

function withoutHeartbeats(status: NodeStatus): NodeStatus {
  return { ...status, conditions: (status.conditions ?? []).map(({ lastHeartbeatTime: _heartbeat, ...rest }) => rest) };
}

/** Of ours, those that the API server has; it may have others besides, from others. */
function sameConditions(served: readonly NodeCondition[], ours: readonly NodeCondition[]): boolean {
  return ours.every((condition) => {
    const found = served.find((entry) => entry.type === condition.type);
    return found !== undefined && found.status === condition.status && found.reason === condition.reason;
  });
}

const EVENTS: Readonly<Record<string, { True: string; False: string }>> = {
  Ready: { True: 'NodeReady', False: 'NodeNotReady' }, MemoryPressure: { True: 'NodeHasInsufficientMemory', False: 'NodeHasSufficientMemory' },
  DiskPressure: { True: 'NodeHasDiskPressure', False: 'NodeHasNoDiskPressure' }, PIDPressure: { True: 'NodeHasInsufficientPID', False: 'NodeHasSufficientPID' },
};

function recordTransitions(options: NodeReporterOptions, old: readonly NodeCondition[], fresh: readonly NodeCondition[]): void {
  for (const condition of fresh) {
    const was = old.find((entry) => entry.type === condition.type);
    const reason = EVENTS[condition.type]?.[condition.status as 'True' | 'False'];
    if (reason !== undefined && was?.status !== condition.status) options.recorder.event(nodeSubject(options.config), 'Normal', reason, `Node ${options.config.nodeName} status is now: ${reason}`);
  }
}
