/** The built-in resources, one import each. */
import type { ResourceDefinition } from './definition.ts';
import { controllerRevisionDefinition } from './apps/controllerrevisions/definition.ts';
import { daemonSetDefinition } from './apps/daemonsets/definition.ts';
import { deploymentDefinition } from './apps/deployments/definition.ts';
import { replicaSetDefinition } from './apps/replicasets/definition.ts';
import { statefulSetDefinition } from './apps/statefulsets/definition.ts';
import { certificateSigningRequestDefinition } from './certificates/certificatesigningrequests/definition.ts';
import { podDefinition } from './core/pods/definition.ts';
import { podTemplateDefinition } from './core/podtemplates/definition.ts';
import { replicationControllerDefinition } from './core/replicationcontrollers/definition.ts';

export const BUILT_IN_DEFINITIONS: readonly ResourceDefinition[] = [
  controllerRevisionDefinition,
  daemonSetDefinition,
  deploymentDefinition,
  replicaSetDefinition,
  statefulSetDefinition,
  certificateSigningRequestDefinition,
  podDefinition,
  podTemplateDefinition,
  replicationControllerDefinition,
] as unknown as ResourceDefinition[];
