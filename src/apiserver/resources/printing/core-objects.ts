/**
 * The tables of core's smaller kinds.
 */
import type {
  ComponentStatus, ConfigMap, Namespace, PodTemplate, ReplicationController, ResourceQuota, Secret, ServiceAccount,
} from '#api/generated/core/v1';
import type { TablePrinter } from '../definition.ts';
import { age, containerCells, labelsText } from './cells.ts';
import { AGE, column, CONTAINERS, IMAGES, NAME, SELECTOR } from './columns.ts';

export const namespacePrinter: TablePrinter<Namespace> = {
  columns: [NAME, column('Status', 'string', 'The status of the namespace'), AGE],
  cells: ({ metadata, status }, nowMs) => [metadata.name, status?.phase ?? '', age(metadata, nowMs)],
};

export const configMapPrinter: TablePrinter<ConfigMap> = {
  columns: [NAME, column('Data', 'string', 'Number of keys.'), AGE],
  cells: ({ metadata, data, binaryData }, nowMs) => [metadata.name, sizeOf(data) + sizeOf(binaryData), age(metadata, nowMs)],
};

export const secretPrinter: TablePrinter<Secret> = {
  columns: [NAME, column('Type', 'string', 'What the secret is for.'), column('Data', 'string', 'Number of keys.'), AGE],
  cells: ({ metadata, type, data }, nowMs) => [metadata.name, type ?? '', sizeOf(data), age(metadata, nowMs)],
};

function sizeOf(map: Readonly<Record<string, string>> | undefined): number {
  return Object.keys(map ?? {}).length;
}

export const serviceAccountPrinter: TablePrinter<ServiceAccount> = {
  columns: [NAME, AGE],
  cells: ({ metadata }, nowMs) => [metadata.name, age(metadata, nowMs)],
};

export const podTemplatePrinter: TablePrinter<PodTemplate> = {
  columns: [
    NAME,
    column('Containers', 'string', 'Names of each container in the template.'),
    column('Images', 'string', 'Images referenced by each container in the template.'),
    column('Pod Labels', 'string', 'The labels for the pod template.'),
  ],
  cells: ({ metadata, template }) => [metadata.name, ...containerCells(template?.spec?.containers), labelsText(template?.metadata?.labels)],
};

export const replicationControllerPrinter: TablePrinter<ReplicationController> = {
  columns: [
    NAME,
    column('Desired', 'integer', 'Number of pods wanted.'),
    column('Current', 'integer', 'Number of pods there are.'),
    column('Ready', 'integer', 'Number of pods that are ready.'),
    AGE, CONTAINERS, IMAGES, SELECTOR,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, spec?.replicas ?? 0, status?.replicas ?? 0, status?.readyReplicas ?? 0, age(metadata, nowMs),
    ...containerCells(spec?.template?.spec?.containers), labelsText(spec?.selector),
  ],
};

export const resourceQuotaPrinter: TablePrinter<ResourceQuota> = {
  columns: [
    NAME,
    column('Request', 'string', 'What is used and allowed, of requests and of objects.'),
    column('Limit', 'string', 'What is used and allowed, of limits.'),
    AGE,
  ],
  cells({ metadata, status }, nowMs) {
    const requests: string[] = [];
    const limits: string[] = [];
    for (const resource of Object.keys(status?.hard ?? {}).sort()) {
      const text = `${resource}: ${status?.used?.[resource] ?? '0'}/${status?.hard?.[resource]}`;
      (resource.startsWith('limits.') ? limits : requests).push(text);
    }
    return [metadata.name, requests.join(', '), limits.join(', '), age(metadata, nowMs)];
  },
};

export const componentStatusPrinter: TablePrinter<ComponentStatus> = {
  columns: [
    NAME,
    column('Status', 'string', 'Status of the component conditions'),
    column('Message', 'string', 'Message of the component conditions'),
    column('Error', 'string', 'Error of the component conditions'),
  ],
  cells({ metadata, conditions }) {
    const healthy = conditions?.find((one) => one.type === 'Healthy');
    const status = healthy === undefined ? 'Unknown' : healthy.status === 'True' ? 'Healthy' : 'Unhealthy';
    return [metadata.name, status, healthy?.message ?? '', healthy?.error ?? ''];
  },
};
