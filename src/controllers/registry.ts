/** All controllers, in the order in which they start. A new one is added here, and nowhere else. */
import type { ControllerDefinition } from './controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { replicationController } from './replicaset/replication-controller.ts';
import { rootCaPublisher } from './serviceaccount/root-ca-publisher.ts';
import { serviceAccountsController } from './serviceaccount/service-accounts-controller.ts';

export const CONTROLLERS: readonly ControllerDefinition[] = [
  serviceAccountsController,
  rootCaPublisher,
  namespaceController,
  deploymentController,
  replicaSetController,
  replicationController,
];
