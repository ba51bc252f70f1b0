/**
 * The tables of the workloads of apps.
 */
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from '#api/generated/apps/v1';
import type { TablePrinter } from '../definition.ts';
import { age, containerCells, labelsText, plainSelectorText, selectorText } from './cells.ts';
import { AGE, column, CONTAINERS, IMAGES, NAME, SELECTOR } from './columns.ts';

export const deploymentPrinter: TablePrinter<Deployment> = {
  columns: [
    NAME,
    column('Ready', 'string', 'Number of the pod with ready state'),
    column('Up-to-date', 'string', 'Number of pods that have the current template.'),
    column('Available', 'string', 'Number of pods that have been ready long enough.'),
    AGE, CONTAINERS, IMAGES, SELECTOR,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, status?.updatedReplicas ?? 0, status?.availableReplicas ?? 0,
    age(metadata, nowMs), ...containerCells(spec?.template.spec?.containers), plainSelectorText(spec?.selector),
  ],
};

export const replicaSetPrinter: TablePrinter<ReplicaSet> = {
  columns: [
    NAME,
    column('Desired', 'integer', 'Number of pods wanted.'),
    column('Current', 'integer', 'Number of pods there are.'),
    column('Ready', 'integer', 'Number of pods that are ready.'),
    AGE, CONTAINERS, IMAGES, SELECTOR,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, spec?.replicas ?? 0, status?.replicas ?? 0, status?.readyReplicas ?? 0, age(metadata, nowMs),
    ...containerCells(spec?.template?.spec?.containers), selectorText(spec?.selector),
  ],
};

export const statefulSetPrinter: TablePrinter<StatefulSet> = {
  columns: [NAME, column('Ready', 'string', 'Number of the pod with ready state'), AGE, CONTAINERS, IMAGES],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, age(metadata, nowMs), ...containerCells(spec?.template.spec?.containers),
  ],
};

export const daemonSetPrinter: TablePrinter<DaemonSet> = {
  columns: [
    NAME,
    column('Desired', 'integer', 'Number of nodes that should run the pod.'),
    column('Current', 'integer', 'Number of nodes that should run the pod and do.'),
    column('Ready', 'integer', 'Number of nodes on which the pod is ready.'),
    column('Up-to-date', 'integer', 'Number of nodes whose pod has the current template.'),
    column('Available', 'integer', 'Number of nodes on which the pod has been ready long enough.'),
    column('Node Selector', 'string', 'Labels of the nodes that should run the pod.'),
    AGE, CONTAINERS, IMAGES, SELECTOR,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, status?.desiredNumberScheduled ?? 0, status?.currentNumberScheduled ?? 0, status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0, status?.numberAvailable ?? 0, labelsText(spec?.template.spec?.nodeSelector), age(metadata, nowMs),
    ...containerCells(spec?.template.spec?.containers), selectorText(spec?.selector),
  ],
};

export const controllerRevisionPrinter: TablePrinter<ControllerRevision> = {
  columns: [
    NAME,
    column('Controller', 'string', 'Controller of the object'),
    column('Revision', 'string', 'Number of this revision.'),
    AGE,
  ],
  cells({ metadata, revision }, nowMs) {
    const owner = metadata.ownerReferences?.find((one) => one.controller === true);
    let controller = '<none>';
    if (owner !== undefined) {
      const [group, version] = owner.apiVersion.split('/');
      const kind = version === undefined ? owner.kind : `${owner.kind}.${group}`;
      controller = `${kind.toLowerCase()}/${owner.name}`;
    }
    return [metadata.name, controller, revision, age(metadata, nowMs)];
  },
};
