/** Which services a change of a pod concerns: those whose selector matches it, before or after. */
import type { Pod, Service } from '#api/generated/core/v1';
import type { Informer, InformerHandlers } from '#client/informer-contract';
import { objectKey } from '#client/informer/object-store';
import { labelSelectorFromMap, labelsMatch } from '#machinery/selector/label-selector';
import { isPodReady, isPodTerminal } from '#semantics/pod-state';

/** @param wake gets the service's key. */
export function podHandlers(services: Informer<Service>, wake: (key: string) => void): InformerHandlers<Pod> {
  const selecting = (pod: Pod): Set<string> => new Set(services.list(pod.metadata.namespace).filter((service) => selects(service, pod)).map(objectKey));
  return {
    onAdd: (pod) => { for (const key of selecting(pod)) wake(key); },
    onDelete: (pod) => { for (const key of selecting(pod)) wake(key); },
    onUpdate(old, current) {
      const moved = JSON.stringify([old.metadata.labels, old.spec?.hostname, old.spec?.subdomain]) !== JSON.stringify([current.metadata.labels, current.spec?.hostname, current.spec?.subdomain]);
      if (!moved && endpointText(old) === endpointText(current)) return;
      const keys = selecting(current);
      if (moved) for (const key of selecting(old)) keys.add(key);
      for (const key of keys) wake(key);
    },
  };
}

export function selects(service: Service, pod: Pod): boolean {
  return service.spec?.selector !== undefined && labelsMatch(labelSelectorFromMap(service.spec.selector), pod.metadata.labels);
}

/** What of a pod shows in endpoints. */
function endpointText(pod: Pod): string {
  return JSON.stringify([pod.metadata.deletionTimestamp, isPodReady(pod), isPodTerminal(pod), pod.status?.podIP, pod.status?.podIPs, pod.spec?.nodeName]);
}
