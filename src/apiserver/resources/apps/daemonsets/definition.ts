/** Daemon sets as a resource. The template's generation lives in an annotation, as clients of apps/v1 know it. */
import { daemonsets, type DaemonSet, type DaemonSetSpec } from '#api/generated/apps/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { hasInvalidLabelValue } from '#machinery/validation/label-selector';
import { labelsMatch } from '#machinery/selector/label-selector';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf, goJsonOfMap } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { defaultPodSpec } from '../../rules/pod-defaults.ts';
import { dropDisabledTemplateFields } from '../../rules/pod-fields.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { templateRules } from '../../rules/tolerated-faults.ts';
import { checkPodTemplate } from '../../rules/pod-spec.ts';
import { templateWarnings } from '../../rules/pod-warnings.ts';
import { checkLabelSelector, isEmptySelector } from '../../rules/selectors.ts';
import { keepFields } from '../../rules/status-reset.ts';
import {
  checkAtMost100Percent, checkCollisionCount, checkIntOrPercent, checkNonNegativeFields, checkRestartsForever, isZeroIntOrPercent, readSelector,
} from '../../rules/workloads.ts';

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

function defaultDaemonSet(set: DaemonSet): void {
  setTemplateGeneration(set, templateGeneration(set));
  const { spec } = set;
  if (!spec) return;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
}

function templateGeneration(set: DaemonSet): number {
  const text = set.metadata.annotations?.[TEMPLATE_GENERATION] ?? '';
  return /^-?\d+$/.test(text) ? Number(text) : 0;
}

function setTemplateGeneration(set: DaemonSet, generation: number): void {
  set.metadata.annotations = { ...set.metadata.annotations, [TEMPLATE_GENERATION]: String(generation) };
}

function checkSpec(set: DaemonSet, faults: Faults, rules: PodRules, anySelectorValue: boolean): void {
  const spec = set.spec!;
  checkLabelSelector(spec.selector, 'spec.selector', faults, { anyValue: anySelectorValue });
  const requirements = readSelector(spec.selector);
  const labels = spec.template?.metadata?.labels;
  if (requirements !== undefined && (requirements === null || !labelsMatch(requirements, labels ?? {}))) {
    faults.invalid('spec.template.metadata.labels', goJsonOfMap(labels), '`selector` does not match template `labels`');
  }
  if (spec.selector && isEmptySelector(spec.selector)) {
    faults.invalid('spec.selector', goJsonOf('meta/v1.LabelSelector', spec.selector), 'empty selector is invalid for daemonset');
  }
  checkPodTemplate(spec.template ?? {}, 'spec.template', faults, rules);
  checkRestartsForever(spec.template ?? {}, 'DaemonSet', 'spec.template', faults);
  faults.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  faults.nonNegative('spec.templateGeneration', templateGeneration(set));
  checkUpdateStrategy(spec, faults);
  faults.nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit);
}

function checkUpdateStrategy({ updateStrategy: strategy = {} }: DaemonSetSpec, faults: Faults): void {
  const rolling = strategy.rollingUpdate;
  const place = 'spec.updateStrategy.rollingUpdate';
  if (strategy.type === 'OnDelete') return;
  if (strategy.type !== 'RollingUpdate') {
    faults.notSupported('spec.updateStrategy', goJsonOf('apps/v1.DaemonSetUpdateStrategy', strategy), ['RollingUpdate', 'OnDelete']);
    return;
  }
  if (!rolling) return faults.required(place);
  for (const field of ['maxUnavailable', 'maxSurge'] as const) checkIntOrPercent(rolling[field], `${place}.${field}`, faults);
  for (const field of ['maxUnavailable', 'maxSurge'] as const) checkAtMost100Percent(rolling[field], `${place}.${field}`, faults);
  const noUnavailable = isZeroIntOrPercent(rolling.maxUnavailable);
  const noSurge = isZeroIntOrPercent(rolling.maxSurge);
  if (!noUnavailable && !noSurge) faults.invalid(`${place}.maxSurge`, rolling.maxSurge, 'may not be set when maxUnavailable is non-zero');
  if (noUnavailable && noSurge) faults.required(`${place}.maxUnavailable`, 'cannot be 0 when maxSurge is 0');
}

export const daemonSetDefinition: ResourceDefinition<DaemonSet> = {
  resource: daemonsets,
  schema: 'apps/v1.DaemonSet',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultDaemonSet,
    prepareForCreate: (set, context) => {
      set.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
      set.metadata.generation = 1;
      setTemplateGeneration(set, Math.max(1, templateGeneration(set)));
      dropDisabledTemplateFields(set.spec?.template, undefined, context);
    },
    prepareForUpdate: (set, old, context) => {
      dropDisabledTemplateFields(set.spec?.template, old.spec?.template, context);
      keepFields(set, old, 'status');
      const changed = !semanticEqual(set.spec?.template, old.spec?.template);
      setTemplateGeneration(set, templateGeneration(old) + (changed ? 1 : 0));
      if (!semanticEqual(set.spec, old.spec)) set.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
    validateCreate: (set, context) => faultsOf((faults) => {
      checkFinalizers(set, faults);
      checkSpec(set, faults, templateRules(context), false);
    }),
    validateUpdate: (set, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(set, old, faults);
      if (!semanticEqual(set.spec?.selector, old.spec?.selector)) {
        faults.invalid('spec.selector', set.spec?.selector ? goJsonOf('meta/v1.LabelSelector', set.spec.selector) : null, 'field is immutable');
      }
      checkSpec(set, faults, templateRules(context, old.spec?.template), hasInvalidLabelValue(old.spec?.selector));
    }),
    warningsOnCreate: (set) => templateWarnings(set.spec?.template, 'spec.template'),
    warningsOnUpdate: (set, old) => (templateGeneration(set) === templateGeneration(old) ? [] : templateWarnings(set.spec?.template, 'spec.template')),
  },
  statusStrategy: {
    prepareForUpdate: (set, old) => {
      keepFields(set, old, 'spec');
      if (old.metadata.annotations?.[TEMPLATE_GENERATION] !== undefined) setTemplateGeneration(set, templateGeneration(old));
    },
    validateUpdate: (set, old) => faultsOf((faults) => {
      checkMetaOnUpdate(set, old, faults);
      checkNonNegativeFields(set.status, ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady', 'observedGeneration',
        'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'collisionCount'], 'status', faults);
      checkCollisionCount(set.status, old.status, faults);
    }),
  },
  allowUnconditionalUpdate: true,
};
