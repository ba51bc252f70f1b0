/** Queue order: higher priority first, then who came first. */
import type { SchedulerPlugin } from '../framework/plugin.ts';

export const prioritySort: SchedulerPlugin = {
  name: 'PrioritySort',
  less: (a, b) => (a.info.priority === b.info.priority ? a.queuedMs < b.queuedMs : a.info.priority > b.info.priority),
};
