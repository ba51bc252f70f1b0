/** Allocated service addresses as a resource. */
import { ipaddresses, type IPAddress } from '#api/generated/networking/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { quote } from '#machinery/go-print';
import { dns1123SubdomainFaults, pathSegmentNameFaults } from '#machinery/names';
import { validateIp } from '#machinery/validation/ip';
import { IMMUTABLE_FIELD } from '#machinery/validation/object-meta';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOfPointer } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkPathSegment } from '../../rules/object-references.ts';

const PLACE = 'spec.parentRef';

/** The name is the address. */
const nameRule = (name: string): string[] => validateIp('', name).map(({ message }) => message.slice(`Invalid value: ${quote(name)}: `.length));

function checkParent({ spec }: IPAddress, faults: Faults): void {
  const parent = spec?.parentRef;
  if (!parent) return faults.required(PLACE);
  if (parent.group) faults.invalidAll(`${PLACE}.group`, parent.group, dns1123SubdomainFaults(parent.group));
  checkPathSegment(parent.resource, `${PLACE}.resource`, faults);
  checkPathSegment(parent.name, `${PLACE}.name`, faults);
  if (parent.namespace) faults.invalidAll(`${PLACE}.namespace`, parent.namespace, pathSegmentNameFaults(parent.namespace));
}

export const ipAddressDefinition: ResourceDefinition<IPAddress> = {
  resource: ipaddresses,
  schema: 'networking/v1.IPAddress',
  nameRule,
  strategy: {
    validateCreate: (address) => faultsOf((faults) => {
      checkFinalizers(address, faults);
      checkParent(address, faults);
    }),
    validateUpdate: (address, old) => faultsOf((faults) => {
      checkMetaAgain(address, faults, false, nameRule);
      checkParent(address, faults);
      checkMetaOnUpdate(address, old, faults);
      if (!semanticEqual(address.spec?.parentRef, old.spec?.parentRef)) {
        faults.invalid(PLACE, goJsonOfPointer('networking/v1.ParentReference', address.spec?.parentRef), IMMUTABLE_FIELD);
      }
    }),
  },
  allowUnconditionalUpdate: true,
};
