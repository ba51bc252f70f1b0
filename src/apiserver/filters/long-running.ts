/** Requests that may last as long as their client likes: no deadline and no place among those in flight. */
import type { RequestInfo } from '../request.ts';

const VERBS: ReadonlySet<string> = new Set(['watch', 'proxy']);
const SUBRESOURCES: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

export function isLongRunning(info: RequestInfo): boolean {
  return info.isResourceRequest && (VERBS.has(info.verb) || SUBRESOURCES.has(info.subresource));
}
