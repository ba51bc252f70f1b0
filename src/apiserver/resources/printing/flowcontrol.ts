/**
 * The tables of flowcontrol.apiserver.k8s.io.
 */
import type { FlowSchema, PriorityLevelConfiguration } from '#api/generated/flowcontrol/v1';
import type { TablePrinter } from '../definition.ts';
import { age } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

export const flowSchemaPrinter: TablePrinter<FlowSchema> = {
  columns: [
    NAME,
    column('PriorityLevel', 'string', 'Priority level the requests go to.'),
    column('MatchingPrecedence', 'string', 'Which schema is asked first: the lowest number.'),
    column('DistinguisherMethod', 'string', 'How requests are divided into flows.'),
    AGE,
    column('MissingPL', 'string', 'references a broken or non-existent PriorityLevelConfiguration'),
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, spec?.priorityLevelConfiguration.name ?? '', spec?.matchingPrecedence ?? 0, spec?.distinguisherMethod?.type ?? '<none>',
    age(metadata, nowMs), status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
  ],
};

export const priorityLevelConfigurationPrinter: TablePrinter<PriorityLevelConfiguration> = {
  columns: [
    NAME,
    column('Type', 'string', 'Whether requests of this level are limited.'),
    column('NominalConcurrencyShares', 'string', 'Share of the requests that are served at a time.'),
    column('Queues', 'string', 'Number of queues.'),
    column('HandSize', 'string', 'Number of queues a flow may use.'),
    column('QueueLengthLimit', 'string', 'Most requests in one queue.'),
    AGE,
  ],
  cells({ metadata, spec }, nowMs) {
    const queuing = spec?.limited?.limitResponse?.queuing;
    const limited = spec?.limited;
    return [
      metadata.name, spec?.type ?? '', limited === undefined ? '<none>' : limited.nominalConcurrencyShares ?? 0,
      queuing === undefined ? '<none>' : queuing.queues ?? 0, queuing === undefined ? '<none>' : queuing.handSize ?? 0,
      queuing === undefined ? '<none>' : queuing.queueLengthLimit ?? 0, age(metadata, nowMs),
    ];
  },
};
