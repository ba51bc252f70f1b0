/** Deployments as a resource. */
import { deployments, type Deployment, type DeploymentSpec } from '#api/generated/apps/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { defaultPodSpec } from '../../rules/pod-defaults.ts';
import { dropDisabledTemplateFields } from '../../rules/pod-fields.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { templateRules } from '../../rules/tolerated-faults.ts';
import { templateWarnings } from '../../rules/pod-warnings.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import {
  checkAtMost100Percent, checkCollisionCount, checkIntOrPercent, checkNonNegativeFields, checkReplicaCounts, checkWorkloadSelector,
  checkWorkloadTemplate, isZeroIntOrPercent, podNameWarnings, readSelector, WORKLOAD_SCALE,
} from '../../rules/workloads.ts';

function defaultDeployment({ spec }: Deployment): void {
  if (!spec) return;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
}

function checkSpec(spec: DeploymentSpec, faults: Faults, rules: PodRules): void {
  faults.nonNegative('spec.replicas', spec.replicas);
  checkWorkloadSelector(spec.selector, 'deployment', 'spec.selector', faults);
  const requirements = readSelector(spec.selector);
  if (requirements !== undefined) checkWorkloadTemplate(spec.template ?? {}, requirements, 'ReplicaSet', 'spec.template', faults, rules);
  else faults.invalid('spec.selector', goJsonOf('meta/v1.LabelSelector', spec.selector), 'invalid label selector');
  checkStrategy(spec, faults);
  checkNonNegativeFields(spec, ['minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'], 'spec', faults);
  if (spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
    faults.invalid('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds, 'must be greater than minReadySeconds');
  }
}

function checkStrategy({ strategy = {} }: DeploymentSpec, faults: Faults): void {
  const rolling = strategy.rollingUpdate;
  const place = 'spec.strategy.rollingUpdate';
  if (strategy.type === 'Recreate') {
    if (rolling) faults.forbidden(place, "may not be specified when strategy `type` is 'Recreate'");
  } else if (strategy.type !== 'RollingUpdate') {
    faults.notSupported('spec.strategy', goJsonOf('apps/v1.DeploymentStrategy', strategy), ['Recreate', 'RollingUpdate']);
  } else if (!rolling) {
    faults.required(place, 'this should be defaulted and never be nil');
  } else {
    checkIntOrPercent(rolling.maxUnavailable, `${place}.maxUnavailable`, faults);
    checkIntOrPercent(rolling.maxSurge, `${place}.maxSurge`, faults);
    if (isZeroIntOrPercent(rolling.maxUnavailable) && isZeroIntOrPercent(rolling.maxSurge)) {
      faults.invalid(`${place}.maxUnavailable`, rolling.maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0');
    }
    checkAtMost100Percent(rolling.maxUnavailable, `${place}.maxUnavailable`, faults);
  }
}

function checkStatusUpdate(deployment: Deployment, old: Deployment, faults: Faults): void {
  checkMetaOnUpdate(deployment, old, faults);
  checkNonNegativeFields(deployment.status, ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas',
    'unavailableReplicas', 'terminatingReplicas', 'collisionCount'], 'status', faults);
  checkReplicaCounts(deployment.status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], faults);
  checkCollisionCount(deployment.status, old.status, faults);
}

export const deploymentDefinition: ResourceDefinition<Deployment> = {
  resource: deployments,
  schema: 'apps/v1.Deployment',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultDeployment,
    prepareForCreate: (deployment, context) => {
      deployment.status = {};
      deployment.metadata.generation = 1;
      dropDisabledTemplateFields(deployment.spec?.template, undefined, context);
    },
    prepareForUpdate: (deployment, old, context) => {
      keepFields(deployment, old, 'status');
      dropDisabledTemplateFields(deployment.spec?.template, old.spec?.template, context);
      countChange(deployment, old, 'spec');
      if (!semanticEqual(deployment.metadata.annotations, old.metadata.annotations)) deployment.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
    validateCreate: (deployment, context) => faultsOf((faults) => {
      checkFinalizers(deployment, faults);
      checkSpec(deployment.spec!, faults, templateRules(context));
    }),
    validateUpdate: (deployment, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(deployment, old, faults);
      checkSpec(deployment.spec!, faults, templateRules(context, old.spec?.template));
      if (!semanticEqual(deployment.spec?.selector, old.spec?.selector)) {
        faults.invalid('spec.selector', deployment.spec?.selector ? goJsonOf('meta/v1.LabelSelector', deployment.spec.selector) : null, 'field is immutable');
      }
    }),
    warningsOnCreate: (deployment) => [...podNameWarnings(deployment), ...templateWarnings(deployment.spec?.template, 'spec.template')],
    warningsOnUpdate: (deployment, old) => (deployment.metadata.generation === old.metadata.generation ? []
      : templateWarnings(deployment.spec?.template, 'spec.template')),
  },
  statusStrategy: {
    prepareForUpdate: (deployment, old, context) => {
      keepFields(deployment, old, 'spec');
      keepFields(deployment.metadata, old.metadata, 'labels');
      if (!context.featureEnabled('DeploymentReplicaSetTerminatingReplicas') && old.status?.terminatingReplicas === undefined) {
        delete deployment.status?.terminatingReplicas;
      }
    },
    validateUpdate: (deployment, old) => faultsOf((faults) => checkStatusUpdate(deployment, old, faults)),
  },
  allowUnconditionalUpdate: true,
  scale: WORKLOAD_SCALE,
};
