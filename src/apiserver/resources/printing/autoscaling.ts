/**
 * The tables of autoscalers (as autoscaling/v2) and of Scale.
 */
import type { Scale } from '#api/generated/autoscaling/v1';
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from '#api/generated/autoscaling/v2';
import type { TablePrinter } from '../definition.ts';
import { age, firstFew } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

const METRICS_SHOWN = 2;

export const horizontalPodAutoscalerPrinter: TablePrinter<HorizontalPodAutoscaler> = {
  columns: [
    NAME,
    column('Reference', 'string', 'Object that is scaled.'),
    column('Targets', 'string', 'Current and wanted value of each metric.'),
    column('MinPods', 'string', 'Fewest pods.'),
    column('MaxPods', 'string', 'Most pods.'),
    column('Replicas', 'string', 'Number of pods there are.'),
    AGE,
  ],
  cells({ metadata, spec, status }, nowMs) {
    const target = spec?.scaleTargetRef;
    const metrics = (spec?.metrics ?? []).map((metric, index) => metricText(metric, status?.currentMetrics?.[index]));
    return [
      metadata.name, `${target?.kind ?? ''}/${target?.name ?? ''}`, firstFew(metrics, METRICS_SHOWN, ', ', '<none>'),
      spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas), spec?.maxReplicas ?? 0, status?.currentReplicas ?? 0,
      age(metadata, nowMs),
    ];
  },
};

function metricText(metric: MetricSpec, status: MetricStatus | undefined): string {
  switch (metric.type) {
    case 'External': return valueText(metric.external?.target, status?.external?.current);
    case 'Object': return valueText(metric.object?.target, status?.object?.current);
    case 'Pods': return `${status?.pods === undefined ? '<unknown>' : quantity(status.pods.current.averageValue)}/${quantity(metric.pods?.target.averageValue)}`;
    case 'Resource': return `${metric.resource?.name ?? ''}: ${resourceText(metric.resource?.target, status?.resource?.current)}`;
    case 'ContainerResource':
      return `${metric.containerResource?.name ?? ''}: ${resourceText(metric.containerResource?.target, status?.containerResource?.current)}`;
    default: return '<unknown type>';
  }
}

function valueText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`;
  return `${current === undefined ? '<unknown>' : quantity(current.value)}/${quantity(target?.value)}`;
}

function resourceText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current === undefined ? '<unknown>' : quantity(current.averageValue)}/${target.averageValue}`;
  return `${percent(current?.averageUtilization, '<unknown>')}/${percent(target?.averageUtilization, '<auto>')}`;
}

function percent(value: number | undefined, none: string): string {
  return value === undefined ? none : `${value}%`;
}

function quantity(text: string | undefined): string {
  return text ?? '<nil>';
}

export const scalePrinter: TablePrinter<Scale> = {
  columns: [
    { name: 'Name', type: 'string', description: NAME.description },
    column('Desired', 'integer', 'Number of pods wanted.'),
    column('Available', 'integer', 'Number of pods there are.'),
    AGE,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [metadata.name, spec?.replicas ?? 0, status?.replicas ?? 0, age(metadata, nowMs)],
};
