/** Replica sets: the wanted number of equal pods. */
import { replicasets, type ReplicaSet } from '#api/generated/apps/v1';
import { labelSelectorOf } from '#machinery/selector/label-selector';
import type { ControllerDefinition } from '../controller.ts';
import { replicaLoop, type ReplicaKind } from './replica-loop.ts';

const KIND: ReplicaKind<ReplicaSet> = {
  name: 'replicaset',
  resource: replicasets,
  selector: (object) => labelSelectorOf(object.spec?.selector),
  wanted: (object) => object.spec?.replicas ?? 1,
  template: (object) => object.spec?.template,
  minReadySeconds: (object) => object.spec?.minReadySeconds ?? 0,
  countsTerminating: true,
  siblings: true,
};

export const replicaSetController: ControllerDefinition = {
  name: 'replicaset-controller',
  serviceAccount: 'replicaset-controller',
  make: (context) => replicaLoop(context, KIND),
};
