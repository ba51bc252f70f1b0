/** Every live namespace has the ConfigMap `kube-root-ca.crt`, by which pods verify the API server. */
import { configmaps, namespaces, type ConfigMap } from '#api/generated/core/v1';
import type { Result } from '#client/reconcile/reconciler';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { isNamespaceTerminating } from '../pod-control.ts';

export const rootCaPublisher: ControllerDefinition = {
  name: 'root-ca-certificate-publisher-controller',
  serviceAccount: 'root-ca-cert-publisher',
  make: (context) => (context.options.rootCa === undefined ? undefined : makeController(context, context.options.rootCa)),
};

const NAME = 'kube-root-ca.crt';
const DESCRIPTION = 'kubernetes.io/description';
const DESCRIPTION_TEXT = 'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

function makeController(context: ControllerContext, rootCa: string): Controller {
  const spaces = context.informers.for(namespaces);
  const maps = context.informers.for(configmaps, { fieldSelector: `metadata.name=${NAME}` });
  const loop = keyedLoop(context, { name: 'root_ca_cert_publisher', informers: [spaces, maps] as const, workers: context.options.concurrentSyncs, reconcile });
  spaces.addHandlers({ onAdd: (namespace) => loop.queue.add(namespace.metadata.name!), onUpdate: (_old, current) => loop.queue.add(current.metadata.name!) });
  maps.addHandlers({ onUpdate: (_old, current) => loop.queue.add(current.metadata.namespace!), onDelete: (map) => loop.queue.add(map.metadata.namespace!) });

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const namespace = spaces.get(name);
    if (namespace === undefined || namespace.status?.phase === 'Terminating') return;
    const api = context.client.for(configmaps, name);
    const current = maps.get(NAME, name);
    try {
      if (current === undefined) {
        loop.writes.wrote(name, maps, await api.create(wanted(name, rootCa), { signal }));
      } else if (current.data?.['ca.crt'] !== rootCa || Object.keys(current.data).length !== 1 || !current.metadata.annotations?.[DESCRIPTION]) {
        const annotations = { ...current.metadata.annotations, [DESCRIPTION]: DESCRIPTION_TEXT };
        loop.writes.wrote(name, maps, await api.update({ ...current, metadata: { ...current.metadata, annotations }, data: { 'ca.crt': rootCa } }, { signal }));
      }
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error) && !isNotFound(error)) throw error;
    }
  }

  return { run: loop.run };
}

function wanted(namespace: string, rootCa: string): ConfigMap {
  return { metadata: { name: NAME, namespace, annotations: { [DESCRIPTION]: DESCRIPTION_TEXT } }, data: { 'ca.crt': rootCa } };
}
