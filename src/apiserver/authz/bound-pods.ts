/**
 * The pods that run on nodes, as authorization and admission look at them: read from the watch cache, parsed when one is asked for.
 *
 * No copy is kept of pods that nobody asks about: most of a large cluster's are never looked at by this server.
 */
import type { Pod } from '#api/generated/core/v1';
import type { DescribedObject } from '../store/described.ts';
import { selectAll } from '../store/described.ts';
import { decodeStored } from '../store/stored-object.ts';
import type { WatchCache } from '../store/watch-cache.ts';
import { narrowPod } from './narrow-pod.ts';

/** Objects handed out are shared and must not be changed; they hold what `narrow-pod.ts` keeps. */
export interface BoundPods {
  /** Undefined also for a pod that has no node yet. */
  get(namespace: string, name: string): Pod | undefined;
  /** Undefined: `onNode` can be asked now. */
  untilReady(): Promise<void> | undefined;
  onNode(nodeName: string): readonly Pod[];
  /**
   * @param changed a node's pod is there, or changed (`pod` parses it), or it is there no more (undefined).
   * @param reset anything may have changed.
   */
  follow(changed: (nodeName: string, key: string, pod: (() => Pod) | undefined) => void, reset: () => void): void;
}

const NODE_NAME = 'spec.nodeName';

export function boundPods(cache: WatchCache): BoundPods {
  const parsed = new WeakMap<DescribedObject, Pod>();
  const podOf = (object: DescribedObject): Pod => {
    let pod = parsed.get(object);
    if (pod === undefined) {
      pod = narrowPod(decodeStored<Pod>(object.bytes, object.revision));
      parsed.set(object, pod);
    }
    return pod;
  };
  return {
    get(namespace, name) {
      const object = cache.get(`${namespace}/${name}`);
      return object === undefined || nodeOf(object) === '' ? undefined : podOf(object);
    },
    untilReady: () => cache.untilSettled(),
    onNode: (nodeName) => cache.select({ ...selectAll(), everything: false, fieldPairs: [[NODE_NAME, nodeName]], matches: (object) => nodeOf(object) === nodeName })
      .map((object) => narrowPod(decodeStored<Pod>(object.bytes, object.revision))),
    follow(changed, reset) {
      cache.listen(({ object, previous }) => {
        const before = nodeOf(previous);
        const now = nodeOf(object);
        if (before !== '' && before !== now) changed(before, previous!.key, undefined);
        if (now !== '') changed(now, object!.key, () => podOf(object!));
      }, reset);
    },
  };
}

function nodeOf(object: DescribedObject | undefined): string { return object?.fields?.[NODE_NAME] ?? ''; }
