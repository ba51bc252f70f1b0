/** Networks of service addresses as a resource. */
import { servicecidrs, type ServiceCIDR } from '#api/generated/networking/v1';
import { parseCidr } from '#machinery/ip';
import { validateCidr } from '#machinery/validation/ip';
import { IMMUTABLE_FIELD } from '#machinery/validation/object-meta';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields, keepMetadata } from '../../rules/status-reset.ts';

const PLACE = 'spec.cidrs';
/** The status was the client's to write, once. */
const WIPES_STATUS = 'ServiceCIDRStatusFieldWiping';

function cidrsOf({ spec }: ServiceCIDR): string[] {
  return spec?.cidrs ?? [];
}

function checkCidrs(object: ServiceCIDR, faults: Faults): void {
  const cidrs = cidrsOf(object);
  if (cidrs.length === 0) return faults.required(PLACE, 'at least one CIDR required');
  if (cidrs.length > 2) {
    return faults.invalid(PLACE, goJsonOf('networking/v1.ServiceCIDRSpec', object.spec), 'may only hold up to 2 values');
  }
  for (const [index, cidr] of cidrs.entries()) faults.add(validateCidr(`${PLACE}[${index}]`, cidr));
  const families = cidrs.map((cidr) => parseCidr(cidr)?.network.length);
  if (cidrs.length === 2 && families[0] === families[1] && families[0] !== undefined) {
    faults.invalid(PLACE, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64');
  }
}

/** A second family may come, nothing else. */
function checkCidrsOnUpdate(object: ServiceCIDR, old: ServiceCIDR, faults: Faults): void {
  const cidrs = cidrsOf(object);
  const oldCidrs = cidrsOf(old);
  const isUpgrade = oldCidrs.length === 1 && cidrs.length === 2;
  if (oldCidrs.length !== cidrs.length && !isUpgrade) return faults.invalid(PLACE, object.spec?.cidrs ?? null, IMMUTABLE_FIELD);
  for (const [index, cidr] of oldCidrs.entries()) {
    if (cidrs[index] !== cidr) faults.invalid(`${PLACE}[${index}]`, cidrs[index], IMMUTABLE_FIELD);
  }
  if (isUpgrade) checkCidrs(object, faults);
}

export const serviceCidrDefinition: ResourceDefinition<ServiceCIDR> = {
  resource: servicecidrs,
  schema: 'networking/v1.ServiceCIDR',
  nameRule: 'dns1123-subdomain',
  strategy: {
    prepareForCreate: (object, context) => {
      if (context.featureEnabled(WIPES_STATUS)) delete object.status;
    },
    prepareForUpdate: (object, old, context) => {
      if (context.featureEnabled(WIPES_STATUS)) keepFields(object, old, 'status');
    },
    validateCreate: (object) => faultsOf((faults) => {
      checkFinalizers(object, faults);
      checkCidrs(object, faults);
    }),
    validateUpdate: (object, old) => faultsOf((faults) => {
      checkMetaOnUpdate(object, old, faults);
      checkCidrsOnUpdate(object, old, faults);
    }),
  },
  statusStrategy: {
    prepareForUpdate: (object, old) => {
      keepFields(object, old, 'spec');
      keepMetadata(object, old);
    },
    validateUpdate: (object, old) => faultsOf((faults) => checkMetaOnUpdate(object, old, faults)),
  },
  allowUnconditionalUpdate: true,
};
