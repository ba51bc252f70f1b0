/** Jobs as a resource. A job's selector is generated from its uid unless the client takes that on. */
import { jobs, type Job } from '#api/generated/batch/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { defaultBackoffLimit, defaultJobTemplateSpec, jobSpecWarnings } from '../../rules/job-spec.ts';
import { dropDisabledTemplateFields } from '../../rules/pod-fields.ts';
import { templateRules } from '../../rules/tolerated-faults.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import { podNameWarnings } from '../../rules/workloads.ts';
import { checkJobStatus } from './status-validation.ts';
import { checkJob, checkJobChange } from './validation.ts';

function defaultJob({ spec, metadata }: Job): void {
  if (!spec) return;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  defaultBackoffLimit(spec);
  labelLikeTemplate({ spec, metadata });
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
  defaultJobTemplateSpec(spec);
}

function labelLikeTemplate({ spec, metadata }: Job): void {
  const labels = spec?.template?.metadata?.labels;
  // The very same map, as upstream's: what is added to the template's labels later shows on the job too.
  if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = labels;
}

const NAME_LABELS = ['job-name', 'batch.kubernetes.io/job-name'];
const UID_LABELS = ['controller-uid', 'batch.kubernetes.io/controller-uid'];

/** What the caller set stays, for validation to judge. */
function generateSelector({ spec, metadata }: Job): void {
  if (!spec || spec.manualSelector) return;
  const labels: Record<string, string> = {};
  for (const label of NAME_LABELS) labels[label] = metadata.name ?? '';
  for (const label of UID_LABELS) labels[label] = metadata.uid ?? '';
  spec.template ??= {};
  spec.template.metadata ??= {};
  const own = (spec.template.metadata.labels ??= {});
  for (const [name, value] of Object.entries(labels)) own[name] ??= value;
  spec.selector = { ...spec.selector, matchLabels: { [UID_LABELS[1]!]: metadata.uid ?? '', ...spec.selector?.matchLabels } };
}

export const jobDefinition: ResourceDefinition<Job> = {
  resource: jobs,
  schema: 'batch/v1.Job',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultJob,
    prepareForCreate: (job, context) => {
      generateSelector(job);
      job.status = {};
      job.metadata.generation = 1;
      dropDisabledTemplateFields(job.spec?.template, undefined, context);
    },
    prepareForUpdate: (job, old, context) => {
      keepFields(job, old, 'status');
      dropDisabledTemplateFields(job.spec?.template, old.spec?.template, context);
      countChange(job, old, 'spec');
    },
    validateCreate: (job, context) => faultsOf((faults) => {
      checkFinalizers(job, faults);
      checkJob(job, undefined, faults, templateRules(context));
    }),
    validateUpdate: (job, old, context) => faultsOf((faults) => {
      const rules = templateRules(context, old.spec?.template);
      checkMetaAgain(job, faults, true);
      checkJob(job, old, faults, rules);
      checkMetaOnUpdate(job, old, faults);
      checkJobChange(job, old, faults, rules);
    }),
    canonicalize: labelLikeTemplate,
    warningsOnCreate: (job) => [...podNameWarnings(job), ...jobSpecWarnings(job.spec, 'spec')],
    warningsOnUpdate: (job, old) => (job.metadata.generation === old.metadata.generation ? [] : jobSpecWarnings(job.spec, 'spec')),
  },
  statusStrategy: {
    prepareForUpdate: (job, old) => keepFields(job, old, 'spec'),
    validateUpdate: (job, old) => faultsOf((faults) => {
      checkMetaOnUpdate(job, old, faults);
      checkJobStatus(job, old, faults);
    }),
  },
  allowUnconditionalUpdate: true,
  defaultPropagation: 'Orphan',
  selectableFieldNames: ['status.successful'],
  selectableFields: (job) => ({ 'status.successful': String(job.status?.succeeded ?? 0) }),
};
