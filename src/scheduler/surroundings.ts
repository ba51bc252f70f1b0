/** What plugins need to know beyond nodes and pods, out of informers: namespaces, budgets, services and owners, claims. */
import { namespaces, replicationcontrollers, services, type Pod } from '#api/generated/core/v1';
import { replicasets, statefulsets } from '#api/generated/apps/v1';
import { poddisruptionbudgets, type PodDisruptionBudget } from '#api/generated/policy/v1';
import { resourceclaims } from '#api/generated/resource/v1';
import type { Informer, InformerFactory } from '#client/informer-contract';
import type { KubeObject, ObjectMeta } from '#machinery/meta';
import { labelSelectorFromMap, labelSelectorOf, labelsMatch, type LabelRequirements } from '#machinery/selector/label-selector';
import { controllerOf } from '#semantics/owner-reference';
import type { ClaimsOf } from './plugins/dynamic-resources.ts';

export interface Surroundings {
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined;
  readonly budgets: () => readonly PodDisruptionBudget[];
  /** Selects the pod's siblings: those of its services and of its owner. */
  readonly siblingSelector: (pod: Pod) => LabelRequirements | undefined;
  readonly claimsOf: ClaimsOf;
  readonly informers: readonly Informer<KubeObject>[];
}

/** Of an owner only its selector is kept. */
function selectorOnly<T extends KubeObject>(object: T): T {
  const { spec } = object as KubeObject & { spec?: { selector?: unknown } };
  const { name, namespace, uid, resourceVersion } = object.metadata as ObjectMeta;
  return { metadata: { name, namespace, uid, resourceVersion }, spec: { selector: spec?.selector } } as unknown as T;
}

export function surroundings(informers: InformerFactory): Surroundings {
  const spaces = informers.for(namespaces);
  const budgets = informers.for(poddisruptionbudgets);
  const serviceInformer = informers.for(services, { transform: selectorOnly });
  const replicaSetInformer = informers.for(replicasets, { transform: selectorOnly });
  const statefulSetInformer = informers.for(statefulsets, { transform: selectorOnly });
  const controllerInformer = informers.for(replicationcontrollers, { transform: selectorOnly });
  const claims = informers.for(resourceclaims);

  const ownerSelector = (pod: Pod): LabelRequirements | undefined => {
    const owner = controllerOf(pod);
    const { namespace } = pod.metadata;
    switch (owner?.kind) {
      case 'ReplicaSet': return labelSelectorOf(replicaSetInformer.get(owner.name, namespace)?.spec?.selector);
      case 'StatefulSet': return labelSelectorOf(statefulSetInformer.get(owner.name, namespace)?.spec?.selector);
      case 'ReplicationController': return labelSelectorFromMap(controllerInformer.get(owner.name, namespace)?.spec?.selector);
      default: return undefined;
    }
  };

  return {
    namespaceLabels: (namespace) => spaces.get(namespace)?.metadata.labels,
    budgets: () => budgets.list(),
    siblingSelector(pod) {
      const selectors: LabelRequirements = serviceInformer.list(pod.metadata.namespace).flatMap((service) => {
        const selector = service.spec?.selector;
        if (selector === undefined || Object.keys(selector).length === 0) return [];
        const requirements = labelSelectorFromMap(selector);
        return labelsMatch(requirements, pod.metadata.labels) ? requirements : [];
      });
      const all = [...selectors, ...ownerSelector(pod) ?? []];
      return all.length === 0 ? undefined : all;
    },
    claimsOf: (pod) => (pod.spec?.resourceClaims ?? []).map((reference) => {
      const name = reference.resourceClaimName ?? pod.status?.resourceClaimStatuses?.find((status) => status.name === reference.name)?.resourceClaimName;
      return { name: name ?? reference.name, claim: name === undefined ? undefined : claims.get(name, pod.metadata.namespace) };
    }),
    informers: [spaces, budgets, serviceInformer, replicaSetInformer, statefulSetInformer, controllerInformer, claims] as unknown as Informer<KubeObject>[],
  };
}
