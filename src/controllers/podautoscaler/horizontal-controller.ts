/** Horizontal pod autoscalers: every 15 seconds from metrics to a size, within limits, through the scale subresource. */
import { rfc3339 } from '#base/clock';
import type { Scale } from '#api/generated/autoscaling/v1';
import { horizontalpodautoscalers, type HorizontalPodAutoscaler, type HorizontalPodAutoscalerStatus, type MetricStatus } from '#api/generated/autoscaling/v2';
import { pods } from '#api/generated/core/v1';
import { kindResolver } from '#client/discovery';
import { subjectOf } from '#client/events/event-recorder';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { resourcePath } from '#client/resource-path';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceType } from '#machinery/meta';
import { parseQuantity, quantityMilliValue } from '#machinery/quantity';
import { labelsMatch, parseLabelSelector } from '#machinery/selector/label-selector';
import { findCondition } from '#semantics/condition';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { MetricError, propose, type Proposal } from './metric-proposals.ts';
import { metricsReader } from './metrics-reader.ts';
import type { Tolerances } from './replica-count.ts';
import { ScalingLimits } from './scaling-limits.ts';

export const horizontalPodAutoscalerController: ControllerDefinition = {
  name: 'horizontal-pod-autoscaler-controller',
  serviceAccount: 'horizontal-pod-autoscaler',
  make: makeController,
};

interface Work { readonly hpa: HorizontalPodAutoscaler; readonly status: HorizontalPodAutoscalerStatus; readonly key: string; readonly signal: AbortSignal }
interface Target { readonly type: ResourceType; readonly scale: Scale }

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers, options } = context;
  const all = informers.for(horizontalpodautoscalers);
  const allPods = informers.for(pods);
  const reader = metricsReader(client);
  const kinds = kindResolver(client, clock);
  const limits = new ScalingLimits();
  const loop = keyedLoop(context, { name: 'horizontalpodautoscaler', informers: [all, allPods] as const, workers: context.options.concurrentSyncs, reconcile });
  all.addHandlers({
    onAdd: loop.enqueue,
    onUpdate(old, current) { if (old.metadata.generation !== current.metadata.generation || !semanticEqual(old.spec, current.spec)) loop.enqueue(current); },
    onDelete(hpa) { limits.forget(objectKey(hpa)); loop.writes.forget(objectKey(hpa)); },
  });

  const event = (work: Work, type: 'Normal' | 'Warning', reason: string, message: string): void => context.events.event(subjectOf(work.hpa, 'autoscaling/v2', 'HorizontalPodAutoscaler'), type, reason, message);

  function setCondition(work: Work, type: string, status: string, reason: string, message: string): void {
    const conditions = (work.status.conditions ??= []);
    const known = findCondition(conditions, type);
    const lastTransitionTime = known?.status === status && known.lastTransitionTime !== undefined ? known.lastTransitionTime : rfc3339(clock.now());
    const condition = { type, status, lastTransitionTime, reason, message };
    if (known === undefined) conditions.push(condition); else conditions[conditions.indexOf(known)] = condition;
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const hpa = all.get(name, namespace);
    if (hpa === undefined) return undefined;
    const work: Work = { hpa, status: { ...structuredClone(hpa.status ?? { desiredReplicas: 0 }), observedGeneration: hpa.metadata.generation ?? 0 }, key, signal };
    if (hpa.metadata.generation === undefined) delete work.status.observedGeneration;
    try {
      await scale(work);
    } finally {
      if (!signal.aborted) await writeStatus(work);
    }
    return { afterMs: options.horizontalPodAutoscalerSyncMs };
  }

  async function writeStatus(work: Work): Promise<void> {
    const comparable = (status: HorizontalPodAutoscalerStatus | undefined): unknown => ({ currentReplicas: 0, desiredReplicas: 0, ...status });
    if (semanticEqual(comparable(work.hpa.status), comparable(work.status))) return;
    loop.writes.wrote(work.key, all, await client.for(horizontalpodautoscalers, work.hpa.metadata.namespace).updateStatus({ ...work.hpa, status: work.status }, { signal: work.signal }));
  }

  async function targetOf(work: Work): Promise<Target | undefined> {
    const { scaleTargetRef } = work.hpa.spec!;
    try {
      const type = await kinds.resolve(scaleTargetRef.apiVersion ?? 'v1', scaleTargetRef.kind, work.signal);
      const found = await client.raw<Scale>('GET', resourcePath(type, work.hpa.metadata.namespace, scaleTargetRef.name, 'scale'), { signal: work.signal });
      setCondition(work, 'AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
      return { type, scale: found };
    } catch (error) {
      work.signal.throwIfAborted();
      event(work, 'Warning', 'FailedGetScale', (error as Error).message);
      setCondition(work, 'AbleToScale', 'False', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${(error as Error).message}`);
      return undefined;
    }
  }

  async function scale(work: Work): Promise<void> {
    const target = await targetOf(work);
    if (target === undefined) return;
    const { spec } = work.hpa;
    const current = target.scale.spec?.replicas ?? 0;
    const min = spec!.minReplicas ?? 1;
    limits.noteSize(work.key, current, clock.now());
    let wanted = current;
    let reason = '';
    let metrics: MetricStatus[] | undefined;
    if (current === 0 && min !== 0) setCondition(work, 'ScalingActive', 'False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
    else if (current > spec!.maxReplicas) [wanted, reason] = [spec!.maxReplicas, 'Current number of replicas above Spec.MaxReplicas'];
    else if (current < min) [wanted, reason] = [min, 'Current number of replicas below Spec.MinReplicas'];
    else {
      const computed = await recommend(work, target, current);
      metrics = computed.metrics;
      if (computed.best === undefined) { setSizes(work, current, work.status.desiredReplicas, metrics); return; }
      const recommended = computed.best.replicas;
      if (recommended > current) reason = `${computed.best.name} above target`;
      if (recommended < current) reason = 'All metrics below target';
      const limited = limits.apply(work.key, work.hpa, current, recommended, clock.now());
      setCondition(work, 'AbleToScale', 'True', limited.able.reason, limited.able.message);
      setCondition(work, 'ScalingLimited', limited.limited.status, limited.limited.reason, limited.limited.message);
      wanted = limited.replicas;
    }
    if (wanted !== current) await resize(work, target, current, wanted, reason, metrics);
    setSizes(work, current, wanted, metrics);
    if (wanted !== current) work.status.lastScaleTime = rfc3339(clock.now());
  }

  async function resize(work: Work, target: Target, current: number, wanted: number, reason: string, metrics: MetricStatus[] | undefined): Promise<void> {
    const path = resourcePath(target.type, work.hpa.metadata.namespace, work.hpa.spec!.scaleTargetRef.name, 'scale');
    try {
      await client.raw('PUT', path, { body: { ...target.scale, spec: { ...target.scale.spec, replicas: wanted } }, signal: work.signal });
    } catch (error) {
      work.signal.throwIfAborted();
      const { message } = error as Error;
      event(work, 'Warning', 'FailedRescale', `New size: ${wanted}; reason: ${reason}; error: ${message}`);
      setCondition(work, 'AbleToScale', 'False', 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${message}`);
      setSizes(work, current, work.status.desiredReplicas, metrics);
      throw error;
    }
    setCondition(work, 'AbleToScale', 'True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${wanted}`);
    event(work, 'Normal', 'SuccessfulRescale', `New size: ${wanted}; reason: ${reason}`);
    limits.noteChange(work.key, current, wanted, clock.now());
  }

  function setSizes(work: Work, current: number, desired: number, metrics: MetricStatus[] | undefined): void {
    work.status.currentReplicas = current;
    work.status.desiredReplicas = desired;
    if (metrics === undefined) delete work.status.currentMetrics; else work.status.currentMetrics = metrics;
  }

  /** The highest proposal; none when no metric can be had, or when some cannot and the rest would scale down. */
  async function recommend(work: Work, target: Target, current: number): Promise<{ best: Proposal | undefined; metrics: MetricStatus[] }> {
    const { hpa, signal } = work;
    const selector = target.scale.status?.selector ?? '';
    const specs = hpa.spec!.metrics ?? [];
    const metrics: MetricStatus[] = specs.map(() => ({ type: '' }));
    if (selector === '') {
      event(work, 'Warning', 'SelectorRequired', 'selector is required');
      setCondition(work, 'ScalingActive', 'False', 'InvalidSelector', "the HPA target's scale is missing a selector");
      return { best: undefined, metrics };
    }
    const requirements = parseLabelSelector(selector);
    const selected = allPods.list(hpa.metadata.namespace).filter((pod) => labelsMatch(requirements, pod.metadata.labels));
    const failures: MetricError[] = [];
    let best: Proposal | undefined;
    for (const [i, spec] of specs.entries()) {
      try {
        const proposal = await propose(spec, {
          hpa, reader, kinds, pods: selected, selector, specReplicas: current, statusReplicas: target.scale.status?.replicas ?? 0,
          tolerances: tolerancesOf(hpa, options.hpaTolerance), nowMs: clock.now(), signal,
        });
        metrics[i] = proposal.status;
        if (best === undefined || proposal.replicas > best.replicas) best = proposal;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof MetricError)) throw error;
        event(work, 'Warning', error.reason, error.conditionText);
        failures.push(error);
      }
    }
    const [first] = failures;
    if (first !== undefined && (best === undefined || best.replicas < current)) {
      setCondition(work, 'ScalingActive', 'False', first.reason, `the HPA was unable to compute the replica count: ${first.conditionText}`);
      event(work, 'Warning', 'FailedComputeMetricsReplicas', `invalid metrics (${failures.length} invalid out of ${specs.length}), first error is: ${first.message}`);
      return { best: undefined, metrics };
    }
    if (best !== undefined) setCondition(work, 'ScalingActive', 'True', 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${best.name}`);
    return { best, metrics };
  }

  return { run: loop.run };
}

function tolerancesOf(hpa: HorizontalPodAutoscaler, fallback: number): Tolerances {
  const own = (text: string | undefined): number => (text === undefined ? fallback : quantityMilliValue(parseQuantity(text)) / 1000);
  return { up: own(hpa.spec!.behavior?.scaleUp?.tolerance), down: own(hpa.spec!.behavior?.scaleDown?.tolerance) };
}
