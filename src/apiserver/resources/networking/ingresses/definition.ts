/** Ingresses as a resource. */
import { ingresses, type Ingress } from '#api/generated/networking/v1';
import { quote } from '#machinery/go-print';
import { parseIp } from '#machinery/ip';
import { ipWarnings, validateLegacyIp } from '#machinery/validation/ip';
import type { ResourceDefinition, StrategyContext } from '../../definition.ts';
import { checkIngressHostname } from '../../rules/endpoint-ips.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import { checkIngressSpec, toleranceOf } from './spec-faults.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const ADDRESSES = 'status.loadBalancer.ingress';

function checkClassAnnotation({ metadata, spec }: Ingress, faults: Faults): void {
  const annotated = metadata.annotations?.[CLASS_ANNOTATION];
  if (annotated !== undefined && spec?.ingressClassName !== undefined && annotated !== spec.ingressClassName) {
    faults.invalid(`annotations.${CLASS_ANNOTATION}`, annotated, 'must match `ingressClassName` when both are specified');
  }
}

function checkStatus({ status }: Ingress, old: Ingress, context: StrategyContext, faults: Faults): void {
  const before = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip || []);
  for (const [index, { ip, hostname }] of (status?.loadBalancer?.ingress ?? []).entries()) {
    if (ip) faults.add(validateLegacyIp(`${ADDRESSES}[${index}].ip`, ip, context.featureEnabled('StrictIPCIDRValidation'), before));
    if (hostname) checkIngressHostname(hostname, `${ADDRESSES}[${index}].hostname`, faults);
  }
}

export const ingressDefinition: ResourceDefinition<Ingress> = {
  resource: ingresses,
  schema: 'networking/v1.Ingress',
  nameRule: 'dns1123-subdomain',
  strategy: {
    prepareForCreate: (ingress) => {
      delete ingress.status;
      ingress.metadata.generation = 1;
    },
    prepareForUpdate: (ingress, old) => {
      keepFields(ingress, old, 'status');
      countChange(ingress, old, 'spec');
    },
    validateCreate: (ingress, context) => faultsOf((faults) => {
      checkFinalizers(ingress, faults);
      checkIngressSpec(ingress.spec ?? {}, toleranceOf(undefined, context), faults);
      checkClassAnnotation(ingress, faults);
    }),
    validateUpdate: (ingress, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(ingress, old, faults);
      checkMetaAgain(ingress, faults, true);
      checkIngressSpec(ingress.spec ?? {}, toleranceOf(old.spec, context), faults);
    }),
    warningsOnCreate: ({ metadata, spec }) => (metadata.annotations?.[CLASS_ANNOTATION] === undefined || spec?.ingressClassName !== undefined ? []
      : [`annotation ${quote(CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead`]),
  },
  statusStrategy: {
    prepareForUpdate: (ingress, old) => keepFields(ingress, old, 'spec'),
    validateUpdate: (ingress, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(ingress, old, faults);
      checkStatus(ingress, old, context, faults);
    }),
    warningsOnUpdate: ({ status }) => (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, index) => (
      ip && parseIp(ip) ? ipWarnings(`${ADDRESSES}[${index}]`, ip) : [])),
  },
  allowUnconditionalUpdate: true,
};
