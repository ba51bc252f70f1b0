/** GET of a collection. */
import type { RequestContext } from '../context.ts';
import type { ApiResponse } from '../request.ts';
import type { ServedResource } from '../served-resource.ts';
import type { ListRequest } from '../store/resource-store.ts';
import { listOptions, parseRevision, type ListOptions } from './list-options.ts';
import { negotiateOutput, respondList } from './respond.ts';
import { selectionOf } from './selection.ts';

export async function handleList(context: RequestContext, served: ServedResource): Promise<ApiResponse> {
  const output = negotiateOutput(context, served, true);
  const options = listOptions(context.info.query);
  const selection = selectionOf(served, {
    namespace: served.info.namespaced ? context.info.namespace : '', name: '', labelSelector: options.labelSelector, fieldSelector: options.fieldSelector,
  });
  const found = await served.store.list({ selection, limit: options.limit, continueToken: options.continueToken, revision: wantedRevision(options) }, context.signal);
  return respondList(context, served, output, found);
}

/** What a list's resourceVersion, match and limit mean together. */
function wantedRevision(options: ListOptions): ListRequest['revision'] {
  const revision = parseRevision(options.resourceVersion, true);
  if (options.resourceVersion === '') return undefined;
  if (options.resourceVersionMatch === 'Exact') return { exactly: revision };
  // Without a match, a page at a revision is a page of exactly that revision.
  if (options.resourceVersionMatch === '' && options.limit > 0 && revision > 0) return { exactly: revision };
  return { atLeast: revision };
}
