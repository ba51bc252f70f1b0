/** Follows `continue`: all objects of a list, page by page, or as one. */
import type { KubeList, KubeObject } from '#machinery/meta';
import { isResourceExpired } from '#machinery/status-error';
import type { ListOptions, ResourceClient } from './client.ts';

/** Items asked for at once: large enough to be quick, small enough not to stall the reader. */
export const PAGE_ITEMS = 500;

export async function* pages<T extends KubeObject>(client: ResourceClient<T>, options: ListOptions = {}): AsyncGenerator<KubeList<T>> {
  let next: string | undefined = options.continue;
  do {
    const page: KubeList<T> = await client.list({ ...options, limit: options.limit ?? PAGE_ITEMS, ...(next !== undefined && { continue: next }) });
    yield page;
    next = page.metadata.continue;
  } while (next !== undefined && next !== '');
}

/** The whole list, with the metadata of its first page. Starts over, unpaged, when the pages expired meanwhile. */
export async function listAll<T extends KubeObject>(client: ResourceClient<T>, options: ListOptions = {}): Promise<KubeList<T>> {
  try {
    let whole: KubeList<T> | undefined;
    for await (const page of pages(client, options)) {
      if (whole === undefined) whole = { ...page, items: [...(page.items ?? [])] };
      else for (const item of page.items) whole.items.push(item);
    }
    return whole!;
  } catch (error) {
    if (!isResourceExpired(error)) throw error;
    return client.list({ ...options, limit: 0 });
  }
}
