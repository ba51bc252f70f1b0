/** Ingress classes as a resource. */
import { ingressclasses, type IngressClass, type IngressClassParametersReference } from '#api/generated/networking/v1';
import { path } from '#machinery/field-error';
import { nameIsDnsLabel } from '#machinery/names';
import { validateImmutable } from '#machinery/validation/object-meta';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkDomainPrefixedPath } from '../../rules/job-spec.ts';
import { checkFinalizers, checkMetaOnUpdate, checkMetaAgain } from '../../rules/metadata.ts';
import { checkAnyReference } from '../../rules/object-references.ts';
import { countChange } from '../../rules/status-reset.ts';

const CONTROLLER_BYTES_MAX = 250;

function checkSpec({ spec }: IngressClass, faults: Faults): void {
  const controller = spec?.controller ?? '';
  if (Buffer.byteLength(controller) > CONTROLLER_BYTES_MAX) faults.tooLong('spec.controller', CONTROLLER_BYTES_MAX);
  checkDomainPrefixedPath(controller, 'spec.controller', faults);
  if (spec?.parameters) checkParameters(spec.parameters, 'spec.parameters', faults);
}

function checkParameters(parameters: IngressClassParametersReference, place: string, faults: Faults): void {
  checkAnyReference(parameters, place, faults);
  const { scope, namespace } = parameters;
  if (scope === undefined) return faults.required(`${place}.scope`);
  if (scope === 'Cluster') {
    if (namespace !== undefined) faults.forbidden(`${place}.namespace`, "`parameters.scope` is set to 'Cluster'");
  } else if (scope === 'Namespace') {
    if (namespace === undefined) faults.required(`${place}.namespace`, "`parameters.scope` is set to 'Namespace'");
    else faults.invalidAll(`${place}.namespace`, namespace, nameIsDnsLabel(namespace, false));
  } else {
    faults.notSupported(`${place}.scope`, scope, ['Cluster', 'Namespace']);
  }
}

export const ingressClassDefinition: ResourceDefinition<IngressClass> = {
  resource: ingressclasses,
  schema: 'networking/v1.IngressClass',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => {
      if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
    },
    prepareForCreate: (ingressClass) => { ingressClass.metadata.generation = 1; },
    prepareForUpdate: (ingressClass, old) => countChange(ingressClass, old, 'spec'),
    validateCreate: (ingressClass) => faultsOf((faults) => {
      checkFinalizers(ingressClass, faults);
      checkSpec(ingressClass, faults);
    }),
    validateUpdate: (ingressClass, old) => faultsOf((faults) => {
      checkMetaOnUpdate(ingressClass, old, faults);
      faults.add(validateImmutable(ingressClass.spec?.controller ?? '', old.spec?.controller ?? '', path('spec', 'controller')));
      checkMetaAgain(ingressClass, faults, false);
      checkSpec(ingressClass, faults);
    }),
  },
  allowUnconditionalUpdate: true,
};
