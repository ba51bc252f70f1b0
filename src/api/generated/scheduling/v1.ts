// Generated from src/api/schema by `npm run generate`. Do not edit.

import type { ResourceType } from '#machinery/meta';
import type { ListMeta, ObjectMeta } from '#machinery/meta';

export interface PriorityClass {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  value?: number;
  globalDefault?: boolean;
  description?: string;
  preemptionPolicy?: string;
}

export interface PriorityClassList {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: PriorityClass[];
}

export const priorityclasses: ResourceType<PriorityClass> = { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses', kind: 'PriorityClass', namespaced: false };
