/** The pods of a job as they are created: tracked, and for indexed jobs with index, host name and environment. Pure. */
import { jobs, type Job } from '#api/generated/batch/v1';
import type { Container, Pod } from '#api/generated/core/v1';
import { controllerReference } from '#semantics/owner-reference';
import { podFromTemplate } from '../pod-control.ts';
import { FAILURES_ANNOTATION, hasLimitPerIndex, IGNORED_FAILURES_ANNOTATION, ignoredIndexFailures, INDEX_ANNOTATION, indexFailures, TRACKING_FINALIZER } from './job-pods.ts';
import { judgeFailure } from './policies.ts';

const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';
const GENERATED_PREFIX_MAX = 58;

export function jobPod(job: Job, index: number | undefined, replaced: Pod | undefined): Pod {
  const pod = podFromTemplate(job.spec!.template, job, controllerReference(job, jobs));
  pod.metadata.finalizers = [...new Set([...(pod.metadata.finalizers ?? []), TRACKING_FINALIZER])];
  if (index === undefined) return pod;
  const suffix = `-${index}-`;
  pod.metadata.generateName = `${job.metadata.name!.slice(0, GENERATED_PREFIX_MAX - suffix.length)}${suffix}`;
  pod.metadata.annotations = { ...pod.metadata.annotations, [INDEX_ANNOTATION]: String(index), ...(hasLimitPerIndex(job) && failureAnnotations(job, replaced)) };
  pod.metadata.labels = { ...pod.metadata.labels, [INDEX_ANNOTATION]: String(index) };
  pod.spec!.hostname = `${job.metadata.name}-${index}`;
  for (const container of [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers]) addIndexVariable(container);
  return pod;
}

function addIndexVariable(container: Container): void {
  if (container.env?.some((variable) => variable.name === INDEX_VARIABLE) === true) return;
  container.env = [...(container.env ?? []), { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${INDEX_ANNOTATION}']` } } }];
}

function failureAnnotations(job: Job, replaced: Pod | undefined): Record<string, string> {
  let failures = 0;
  let ignored = 0;
  if (replaced !== undefined) {
    failures = indexFailures(replaced);
    ignored = ignoredIndexFailures(replaced);
    if (judgeFailure(job, replaced).counts) failures++; else ignored++;
  }
  return { [FAILURES_ANNOTATION]: String(failures), ...(ignored > 0 && { [IGNORED_FAILURES_ANNOTATION]: String(ignored) }) };
}
