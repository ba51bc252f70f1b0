/** Replication controllers: replica sets of the first days, with a map as selector. */
import { replicationcontrollers, type ReplicationController } from '#api/generated/core/v1';
import { labelSelectorFromMap } from '#machinery/selector/label-selector';
import type { ControllerDefinition } from '../controller.ts';
import { replicaLoop, type ReplicaKind } from './replica-loop.ts';

const KIND: ReplicaKind<ReplicationController> = {
  name: 'replicationmanager',
  resource: replicationcontrollers,
  selector: (object) => labelSelectorFromMap(object.spec?.selector),
  wanted: (object) => object.spec?.replicas ?? 1,
  template: (object) => object.spec?.template,
  minReadySeconds: (object) => object.spec?.minReadySeconds ?? 0,
  countsTerminating: false,
  siblings: false,
};

export const replicationController: ControllerDefinition = {
  name: 'replicationcontroller-controller',
  serviceAccount: 'replication-controller',
  make: (context) => replicaLoop(context, KIND),
};
