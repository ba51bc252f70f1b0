/** An ingress that names no class gets the default one; of several, the newest. */
import { ingressclasses, type Ingress } from '#api/generated/networking/v1';
import type { AdmissionDependencies } from './dependencies.ts';
import { newestDefault } from './newest-default.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout } from './refusal.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export function defaultIngressClass({ informers }: AdmissionDependencies): AdmissionPlugin {
  const informer = informers.for(ingressclasses);
  return {
    name: 'DefaultIngressClass',
    admit(attributes) {
      if (!isAbout(attributes, 'networking.k8s.io', 'ingresses') || attributes.operation !== 'CREATE') return;
      const ingress = attributes.object as Ingress;
      if (ingress.spec?.ingressClassName !== undefined || ingress.metadata.annotations?.[CLASS_ANNOTATION] !== undefined) return;
      const chosen = newestDefault(informer.list(), ['ingressclass.kubernetes.io/is-default-class']);
      if (chosen !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: chosen.metadata.name! };
    },
  };
}
