/**
 * The tables of jobs and cron jobs.
 */
import type { CronJob, Job } from '#api/generated/batch/v1';
import type { TablePrinter } from '../definition.ts';
import { age, containerCells, humanDuration, selectorText, since } from './cells.ts';
import { AGE, column, CONTAINERS, IMAGES, NAME, SELECTOR } from './columns.ts';

export const jobPrinter: TablePrinter<Job> = {
  columns: [
    NAME,
    column('Status', 'string', 'Status of the job.'),
    column('Completions', 'string', 'Number of pods that succeeded, of those wanted.'),
    column('Duration', 'string', 'Time required to complete the job.'),
    AGE, CONTAINERS, IMAGES, SELECTOR,
  ],
  cells: (job, nowMs) => [
    job.metadata.name, jobStatus(job), completions(job), duration(job, nowMs), age(job.metadata, nowMs),
    ...containerCells(job.spec?.template.spec?.containers), selectorText(job.spec?.selector),
  ],
};

const STATES: readonly (readonly [condition: string, text: string])[] = [
  ['Suspended', 'Suspended'], ['FailureTarget', 'FailureTarget'], ['SuccessCriteriaMet', 'SuccessCriteriaMet'],
];

function jobStatus({ metadata, status }: Job): string {
  const holds = (type: string): boolean => status?.conditions?.find((one) => one.type === type)?.status === 'True';
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  return STATES.find(([condition]) => holds(condition))?.[1] ?? 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job, nowMs: number): string {
  if (status?.startTime === undefined) return '';
  const endMs = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return humanDuration(endMs - Date.parse(status.startTime));
}

export const cronJobPrinter: TablePrinter<CronJob> = {
  columns: [
    NAME,
    column('Schedule', 'string', 'When jobs are started, in cron format.'),
    column('Timezone', 'string', 'Time zone of the schedule.'),
    column('Suspend', 'boolean', 'Whether no further jobs are started.'),
    column('Active', 'integer', 'Number of jobs that are running.'),
    column('Last Schedule', 'string', 'Time since a job was last started.'),
    AGE, CONTAINERS, IMAGES, SELECTOR,
  ],
  cells({ metadata, spec, status }, nowMs) {
    const template = spec?.jobTemplate.spec;
    return [
      metadata.name, spec?.schedule ?? '', spec?.timeZone ?? '<none>',
      spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False', status?.active?.length ?? 0,
      status?.lastScheduleTime === undefined ? '<none>' : since(status.lastScheduleTime, nowMs), age(metadata, nowMs),
      ...containerCells(template?.template.spec?.containers), selectorText(template?.selector),
    ];
  },
};
