/** All webhooks of one sort, in the order they are asked: by their configuration's name, then as listed in it. */
import type { Informer } from '#client/informer-contract';
import type { KubeObject } from '#machinery/meta';

export interface ConfiguredWebhook<W> {
  readonly configuration: string;
  /** Tells webhooks of the same name apart. */
  readonly id: string;
  readonly hook: W;
}

interface Configuration<W> extends KubeObject { readonly webhooks?: readonly W[] }

export function configuredWebhooks<W extends { readonly name: string }>(informer: Informer<Configuration<W>>): () => readonly ConfiguredWebhook<W>[] {
  let known: readonly ConfiguredWebhook<W>[] | undefined;
  const forget = (): void => { known = undefined; };
  informer.addHandlers({ onAdd: forget, onUpdate: forget, onDelete: forget });
  return () => {
    known ??= [...informer.list()].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1)).flatMap(({ metadata, webhooks = [] }) => {
      const counts = new Map<string, number>();
      return webhooks.map((hook) => {
        const count = counts.get(hook.name) ?? 0;
        counts.set(hook.name, count + 1);
        return { configuration: metadata.name!, id: `${metadata.name}/${hook.name}/${count}`, hook };
      });
    });
    return known;
  };
}
