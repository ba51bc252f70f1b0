/** Pods as a resource. */
import { pods, type Pod } from '#api/generated/core/v1';
import { dns1123LabelFaults } from '#machinery/names';
import { ipWarnings } from '#machinery/validation/ip';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { podRules } from '../../rules/tolerated-faults.ts';
import { podWarnings } from '../../rules/pod-warnings.ts';
import { defaultPod } from './defaults.ts';
import { checkPodResize } from './resize.ts';
import { checkPodStatusUpdate } from './status-validation.ts';
import {
  appArmorWarnings, prepareEphemeralContainersForUpdate, preparePodForCreate, preparePodForUpdate, prepareResizeForUpdate, prepareStatusForUpdate,
} from './strategy.ts';
import { checkEphemeralContainersUpdate, checkPodOnCreate, checkPodOnUpdate } from './validation.ts';

const FIELD_NAMES = ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork', 'status.phase',
  'status.podIP', 'status.podIPs', 'status.nominatedNodeName'];

export const podDefinition: ResourceDefinition<Pod> = {
  resource: pods,
  schema: 'core/v1.Pod',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultPod,
    prepareForCreate: preparePodForCreate,
    prepareForUpdate: preparePodForUpdate,
    validateCreate: (pod, context) => faultsOf((faults) => checkPodOnCreate(pod, faults, podRules(context, true))),
    validateUpdate: (pod, old, context) => faultsOf((faults) => checkPodOnUpdate(pod, old, faults, podRules(context, true, old))),
    warningsOnCreate: (pod) => {
      const texts = dns1123LabelFaults(pod.metadata.name ?? '');
      return [
        ...appArmorWarnings(pod),
        ...(texts.length === 0 ? [] : [
          `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${texts.join(' ')}]`]),
        ...podWarnings(pod.spec!, pod.metadata, '', false),
      ];
    },
  },
  statusStrategy: {
    prepareForUpdate: prepareStatusForUpdate,
    validateUpdate: (pod, old, context) => faultsOf((faults) => checkPodStatusUpdate(pod, old, faults, podRules(context, true, old))),
    warningsOnUpdate: (pod) => [
      ...(pod.status?.podIPs ?? []).flatMap(({ ip }, index) => ipWarnings(`status.podIPs[${index}].ip`, ip ?? '')),
      ...(pod.status?.hostIPs ?? []).flatMap(({ ip }, index) => ipWarnings(`status.hostIPs[${index}].ip`, ip ?? '')),
    ],
  },
  subresourceStrategies: {
    ephemeralcontainers: {
      prepareForUpdate: prepareEphemeralContainersForUpdate,
      validateUpdate: (pod, old, context) => faultsOf((faults) => checkEphemeralContainersUpdate(pod, old, faults, podRules(context, true, old))),
    },
    resize: {
      prepareForUpdate: prepareResizeForUpdate,
      validateUpdate: (pod, old, context) => faultsOf((faults) => checkPodResize(pod, old, faults, podRules(context, true, old))),
    },
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
  /** Pods that no node runs, or that have ended, go at once; a negative period counts as one second. */
  deletionGraceSeconds: (pod, requestedSeconds) => {
    if (!pod.spec?.nodeName || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return 0;
    const seconds = requestedSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  },
  selectableFieldNames: FIELD_NAMES,
  selectableFieldsFrom: {
    spec: { nodeName: true, restartPolicy: true, schedulerName: true, serviceAccountName: true, hostNetwork: true },
    status: { phase: true, podIPs: true, nominatedNodeName: true },
  },
  selectableFields: ({ spec, status }) => ({
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec?.hostNetwork ?? false),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIPs?.[0]?.ip ?? '',
    'status.podIPs': '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  }),
};
