/**
 * Runs components as one: init and start in order, stop in reverse, each step bounded and named in the log.
 *
 * When a step fails, what was started is stopped again and the failure is thrown.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Component } from './component.ts';

export interface ComponentGroupOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** For init, start and ready of each component. Default 60 s. */
  readonly startTimeoutMs?: number;
  /** For the stop of each component. Default 15 s. */
  readonly stopTimeoutMs?: number;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

export function componentGroup(components: readonly Component[], options: ComponentGroupOptions): Component {
  const { clock, log } = options;
  const startMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
  const stopMs = options.stopTimeoutMs ?? STOP_TIMEOUT_MS;
  const started: Component[] = [];
  let stopping: Promise<void> | undefined;

  async function phase(name: string, component: Component, work: ((signal: AbortSignal) => Promise<void>) | undefined, limitMs: number, signal?: AbortSignal): Promise<void> {
    if (work === undefined) return;
    const beganMs = clock.monotonicNow();
    await within(clock, limitMs, `${component.name}: ${name} took longer than ${limitMs} ms`, work, signal);
    log.debug('component phase done', { component: component.name, phase: name, tookMs: Math.round(clock.monotonicNow() - beganMs) });
  }

  async function stopAll(): Promise<void> {
    for (const component of started.splice(0).reverse()) {
      await phase('stop', component, () => component.stop(), stopMs)
        .catch((error: unknown) => log.error('component did not stop', { component: component.name, error }));
    }
  }

  return {
    name: options.name,
    async init(signal) {
      for (const component of components) await phase('init', component, component.init?.bind(component), startMs, signal);
    },
    async start(signal) {
      try {
        for (const component of components) {
          started.push(component);
          await phase('start', component, component.start.bind(component), startMs, signal);
        }
      } catch (error) {
        await stopAll();
        throw error;
      }
    },
    async ready(signal) {
      await Promise.all(components.map((component) => phase('ready', component, component.ready?.bind(component), startMs, signal)));
    },
    stop() {
      stopping ??= stopAll().finally(() => { stopping = undefined; });
      return stopping;
    },
  };
}

/** Runs `work`; aborts it and rejects when it takes longer. */
export async function within<T>(clock: Clock, limitMs: number, message: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  const limited = new AbortController();
  const onAbort = (): void => limited.abort(signal!.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  let timer: { cancel(): void } | undefined;
  const late = new Promise<never>((_, reject) => {
    limited.signal.addEventListener('abort', () => reject(limited.signal.reason), { once: true });
    timer = clock.setTimer(limitMs, () => limited.abort(new DOMException(message, 'TimeoutError')));
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work(limited.signal), late]);
  } finally {
    timer?.cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}
