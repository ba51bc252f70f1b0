/** Cron jobs as a resource. */
import { cronjobs, type CronJob, type CronJobSpec } from '#api/generated/batch/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkJobSpec, defaultJobTemplateSpec, jobSpecWarnings } from '../../rules/job-spec.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { dropDisabledTemplateFields } from '../../rules/pod-fields.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { templateRules } from '../../rules/tolerated-faults.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import { checkNonNegativeFields, podNameWarnings } from '../../rules/workloads.ts';
import { isTimeZone, scheduleFault } from './schedule-faults.ts';

/** Jobs get the name with eleven characters more. */
const NAME_LENGTH_MAX = 52;
const ZONE_PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

function defaultCronJob({ spec }: CronJob): void {
  if (!spec) return;
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  defaultJobTemplateSpec(spec.jobTemplate?.spec);
}

function checkSpec(spec: CronJobSpec, old: CronJobSpec | undefined, faults: Faults, rules: PodRules): void {
  if (!spec.schedule) faults.required('spec.schedule');
  else checkSchedule(spec, old, faults);
  checkNonNegativeFields(spec, ['startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit'], 'spec', faults);
  if (spec.timeZone !== undefined && spec.timeZone !== old?.timeZone) checkTimeZone(spec.timeZone, faults);
  faults.oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  const jobSpec = spec.jobTemplate?.spec ?? { template: {} };
  checkJobSpec(jobSpec, 'spec.jobTemplate.spec', faults, rules);
  if (jobSpec.selector) {
    faults.invalid('spec.jobTemplate.spec.selector', goJsonOf('meta/v1.LabelSelector', jobSpec.selector), '`selector` will be auto-generated');
  }
  if (jobSpec.manualSelector) faults.notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']);
}

function checkSchedule(spec: CronJobSpec, old: CronJobSpec | undefined, faults: Faults): void {
  const fault = scheduleFault(spec.schedule);
  if (fault) faults.invalid('spec.schedule', spec.schedule, fault);
  if (!spec.schedule.includes('TZ')) return;
  if (!old?.schedule.includes('TZ')) {
    faults.invalid('spec.schedule', spec.schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  } else if (spec.timeZone !== undefined) {
    faults.invalid('spec.schedule', spec.schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule');
  }
}

function checkTimeZone(zone: string, faults: Faults): void {
  if (zone === '') return faults.invalid('spec.timeZone', zone, 'timeZone must be nil or non-empty string');
  const isReadable = zone.split('/').every((part) => part !== '.' && part !== '..' && !part.startsWith('-') && ZONE_PART.test(part));
  if (isReadable && zone.toLowerCase() === 'local') {
    faults.invalid('spec.timeZone', zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  }
  if (!isReadable || !isTimeZone(zone)) faults.invalid('spec.timeZone', zone, `unknown time zone ${zone}`);
}

export const cronJobDefinition: ResourceDefinition<CronJob> = {
  resource: cronjobs,
  schema: 'batch/v1.CronJob',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultCronJob,
    prepareForCreate: (job, context) => {
      job.status = {};
      job.metadata.generation = 1;
      dropDisabledTemplateFields(job.spec?.jobTemplate?.spec?.template, undefined, context);
    },
    prepareForUpdate: (job, old, context) => {
      keepFields(job, old, 'status');
      dropDisabledTemplateFields(job.spec?.jobTemplate?.spec?.template, old.spec?.jobTemplate?.spec?.template, context);
      countChange(job, old, 'spec');
    },
    validateCreate: (job, context) => faultsOf((faults) => {
      checkFinalizers(job, faults);
      checkSpec(job.spec!, undefined, faults, templateRules(context));
      if ((job.metadata.name ?? '').length > NAME_LENGTH_MAX) {
        faults.invalid('metadata.name', job.metadata.name, `must be no more than ${NAME_LENGTH_MAX} characters`);
      }
    }),
    validateUpdate: (job, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(job, old, faults);
      checkSpec(job.spec!, old.spec, faults, templateRules(context, old.spec?.jobTemplate?.spec?.template));
    }),
    warningsOnCreate: (job) => [...podNameWarnings(job), ...jobSpecWarnings(job.spec?.jobTemplate?.spec, 'spec.jobTemplate.spec')],
    warningsOnUpdate: (job, old) => [
      ...(job.metadata.generation === old.metadata.generation ? [] : jobSpecWarnings(job.spec?.jobTemplate?.spec, 'spec.jobTemplate.spec')),
      ...(job.spec?.schedule.includes('TZ') ? ['cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see '
        + 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details'] : []),
    ],
  },
  statusStrategy: { prepareForUpdate: (job, old) => keepFields(job, old, 'spec') },
  allowUnconditionalUpdate: true,
};
