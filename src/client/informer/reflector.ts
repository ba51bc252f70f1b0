/**
 * Keeps a consumer in step with one resource of the server: the initial state, then each change, forever.
 *
 *     sync ──▶ follow ──(ended, cut)──▶ follow from the last version
 *      ▲         │ 410 expired
 *      └─────────┘
 *
 * The initial state comes by a streaming list (watch with `sendInitialEvents`) where the server can, else by a paged
 * list. Changes are delivered once and in order of their versions; a version that was delivered is never delivered again.
 * Waits between failures grow with jitter; an expired version is listed anew at once.
 */
import { createBackoff, type Backoff } from '#base/backoff';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Random } from '#base/random';
import type { KubeObject } from '#machinery/meta';
import { isBadRequest, isGone, isInvalid, isResourceExpired } from '#machinery/status-error';
import type { ResourceClient, WatchEvent } from '../client.ts';
import { pages } from '../paginate.ts';

export interface ReflectorConsumer<T> {
  /** The whole state, at a version. */
  replace(objects: T[], resourceVersion: string): void;
  apply(event: WatchEvent<T>): void;
  /** Each object passes here once before it is kept. */
  transform(object: T): T;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: ResourceClient<T>;
  readonly consumer: ReflectorConsumer<T>;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const BACKOFF = { baseMs: 800, maxMs: 30_000, factor: 2, jitter: 1, resetAfterMs: 120_000 };
/** Watches are asked to end after 5 to 10 minutes, so that they spread over several servers. */
const WATCH_SECONDS_MIN = 300;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** Ends only by the signal. */
export async function reflect<T extends KubeObject>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const backoff: Backoff = createBackoff(BACKOFF, options.clock, options.random);
  const state: FollowState = { version: undefined, streamingLists: true };
  while (!signal.aborted) {
    try {
      if (state.version === undefined) await synchronise(options, state, signal);
      await follow(options, state, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (isResourceExpired(error) || isGone(error)) {
        state.version = undefined;
        continue;
      }
      const waitMs = backoff.nextMs();
      options.log.debug('watch failed, trying again', { error: (error as Error).message, waitMs });
      await options.clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }
}

interface FollowState { version: string | undefined; streamingLists: boolean }

async function synchronise<T extends KubeObject>(options: ReflectorOptions<T>, state: FollowState, signal: AbortSignal): Promise<void> {
  if (state.streamingLists) {
    try {
      await streamAndFollow(options, state, signal);
      return;
    } catch (error) {
      if (state.version !== undefined) throw error; // it had synchronised: the fault is the watch's
      if (!isInvalid(error) && !isBadRequest(error)) throw error;
      state.streamingLists = false; // the server does not know streaming lists
    }
  }
  const objects: T[] = [];
  let version = '';
  for await (const page of pages(options.client, { ...selectors(options), signal })) {
    version = page.metadata.resourceVersion ?? version;
    for (const item of page.items ?? []) objects.push(options.consumer.transform(item));
  }
  options.consumer.replace(objects, version);
  state.version = version;
}

/** The initial state as watch events up to the marking bookmark, and then on with the same watch. */
async function streamAndFollow<T extends KubeObject>(options: ReflectorOptions<T>, state: FollowState, signal: AbortSignal): Promise<void> {
  const initial = new Map<string, T>();
  const events = options.client.watch({ ...selectors(options), sendInitialEvents: true, allowWatchBookmarks: true, resourceVersion: '', timeoutSeconds: watchSeconds(options.random), signal });
  for await (const event of events) {
    if (state.version !== undefined) { deliver(options, state, event); continue; }
    const { name, namespace, annotations, resourceVersion } = event.object.metadata;
    if (event.type === 'BOOKMARK') {
      if (annotations?.[INITIAL_EVENTS_END] !== 'true') continue;
      options.consumer.replace([...initial.values()], resourceVersion!);
      initial.clear();
      state.version = resourceVersion!;
    } else if (event.type === 'DELETED') {
      initial.delete(`${namespace ?? ''}/${name!}`);
    } else {
      initial.set(`${namespace ?? ''}/${name!}`, options.consumer.transform(event.object));
    }
  }
  if (state.version === undefined) throw new Error('the streaming list ended before it was complete');
}

async function follow<T extends KubeObject>(options: ReflectorOptions<T>, state: FollowState, signal: AbortSignal): Promise<void> {
  const startedMs = options.clock.monotonicNow();
  let events = 0;
  const watch = options.client.watch({ ...selectors(options), resourceVersion: state.version!, allowWatchBookmarks: true, timeoutSeconds: watchSeconds(options.random), signal });
  for await (const event of watch) {
    events++;
    deliver(options, state, event);
  }
  if (events === 0 && options.clock.monotonicNow() - startedMs < 1000) throw new Error('the watch ended at once');
}

function deliver<T extends KubeObject>(options: ReflectorOptions<T>, state: FollowState, event: WatchEvent<T>): void {
  state.version = event.object.metadata.resourceVersion ?? state.version;
  options.consumer.apply(event.type === 'BOOKMARK' ? event : { type: event.type, object: options.consumer.transform(event.object) });
}

function selectors(options: { labelSelector?: string; fieldSelector?: string }): { labelSelector?: string; fieldSelector?: string } {
  return {
    ...(options.labelSelector !== undefined && { labelSelector: options.labelSelector }),
    ...(options.fieldSelector !== undefined && { fieldSelector: options.fieldSelector }),
  };
}

function watchSeconds(random: Random): number {
  return WATCH_SECONDS_MIN + random.integer(WATCH_SECONDS_MIN);
}
