/** Prefers nodes that have the pod's images already, large ones and widely spread ones counting more. */
import { SCORE_MAX } from '../framework/normalize.ts';
import type { SchedulerPlugin } from '../framework/plugin.ts';
import type { StateValue } from '../framework/cycle-state.ts';
import { SUCCESS } from '../framework/status.ts';

const MIN_BYTES = 23 * 1024 * 1024;
const MAX_BYTES_PER_CONTAINER = 1000 * 1024 * 1024;
const KEY = 'ImageLocality';

class Spread implements StateValue {
  readonly nodeCount: number;
  readonly counts: ReadonlyMap<string, number>;
  constructor(nodeCount: number, counts: ReadonlyMap<string, number>) { this.nodeCount = nodeCount; this.counts = counts; }
  clone(): StateValue { return this; }
}

export const imageLocality: SchedulerPlugin = {
  name: 'ImageLocality',
  preScore(state, _pod, _nodes, snapshot) {
    state.set(KEY, new Spread(snapshot.nodes.length, snapshot.imageNodeCounts));
    return SUCCESS;
  },
  score(state, { pod }, node) {
    const spread = state.get<Spread>(KEY);
    const containers = [...pod.spec?.initContainers ?? [], ...pod.spec?.containers ?? []];
    let sum = 0;
    for (const container of containers) {
      const name = normalizedImageName(container.image ?? '');
      const image = node.images.get(name);
      if (image !== undefined && spread !== undefined) sum += Math.trunc((image.sizeBytes * (spread.counts.get(name) ?? 0)) / spread.nodeCount);
    }
    const max = MAX_BYTES_PER_CONTAINER * containers.length;
    const clamped = Math.min(max, Math.max(MIN_BYTES, sum));
    return Math.trunc((SCORE_MAX * (clamped - MIN_BYTES)) / (max - MIN_BYTES));
  },
};

/** Upstream compares names as written, with `:latest` where no tag is. */
export function normalizedImageName(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}
