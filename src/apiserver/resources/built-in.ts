/** The built-in resources, one import each. */
import type { ResourceDefinition } from './definition.ts';
import { podDefinition } from './core/pods/definition.ts';

export const BUILT_IN_DEFINITIONS: readonly ResourceDefinition[] = [
  podDefinition,
] as unknown as ResourceDefinition[];
