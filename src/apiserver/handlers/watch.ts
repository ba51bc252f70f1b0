/** A watch on a collection or on one object. */
import type { RequestContext } from '../context.ts';
import type { ApiResponse } from '../request.ts';
import type { ServedResource } from '../served-resource.ts';
import { watchStream, type EventEncoder, type WatchRequest } from '../store/watch-stream.ts';
import type { HandlerEnvironment } from './environment.ts';
import { listOptions, parseRevision } from './list-options.ts';
import { negotiateOutput, watchEncoding } from './respond.ts';
import { selectionOf } from './selection.ts';

/** Watches without a timeout of their own last between one and two of these. */
const WATCH_SECONDS_MIN = 1_800;

export async function handleWatch(env: HandlerEnvironment, context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const output = negotiateOutput(context, served, true);
  const query = new URLSearchParams(context.info.query);
  query.set('watch', 'true');
  const options = listOptions(query);
  const selection = selectionOf(served, {
    namespace: served.info.namespaced ? context.info.namespace : '', name: urlName(context), labelSelector: options.labelSelector, fieldSelector: options.fieldSelector,
  });
  const revision = parseRevision(options.resourceVersion);
  const from: WatchRequest['from'] = options.sendInitialEvents === true
    ? { kind: 'initial', atLeast: options.resourceVersion === '' ? undefined : revision }
    : revision > 0 ? { kind: 'after', revision } : { kind: 'recent' };
  const seconds = options.timeoutSeconds > 0 ? options.timeoutSeconds : WATCH_SECONDS_MIN * (1 + env.random.next());
  const { contentType, encoder: plain } = watchEncoding(context, served, output);
  const encoder = env.listed === undefined || options.sendInitialEvents !== true ? plain : timedToInitialEnd(env, served, context.info.namespace, plain);
  const abandoned = new AbortController();
  const request: WatchRequest = {
    selection, from, bookmarks: options.allowWatchBookmarks, markInitialEnd: options.sendInitialEvents === true && options.allowWatchBookmarks,
    timeoutMs: seconds * 1000, signal: context.signal, giveUp: () => { abandoned.abort(); },
    ...(env.watched === undefined ? {} : { sent: (bytes: number) => { env.watched!(served.info, bytes); } }),
  };
  return { status: 200, headers: { 'content-type': contentType }, body: watchStream(served.store, request, encoder, env.clock), abandoned: abandoned.signal };
}

/** Notes when the bookmark is made that ends the initial events. */
function timedToInitialEnd({ clock, listed }: HandlerEnvironment, { info }: ServedResource, namespace: string, encoder: EventEncoder): EventEncoder {
  const startMs = clock.monotonicNow();
  return {
    ...encoder,
    bookmark(revision, isInitialEnd) {
      if (isInitialEnd) listed!(info, namespace, (clock.monotonicNow() - startMs) / 1000);
      return encoder.bookmark(revision, isInitialEnd);
    },
  };
}

/** A name in the path (`watch/…/NAME`), not one that a field selector asks for. */
function urlName(context: RequestContext): string {
  const { info } = context;
  return info.name !== '' && info.path.includes('/watch/') ? info.name : '';
}
