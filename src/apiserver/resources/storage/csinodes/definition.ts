/** CSI nodes as a resource: which drivers a node has, and under which name each knows it. */
import { csinodes, type CSINode, type CSINodeDriver } from '#api/generated/storage/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { qualifiedNameFaults } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain } from '../../rules/metadata.ts';
import { checkCsiDriverName } from '../../rules/volume-sources.ts';

const NODE_ID_BYTES_MAX = 256;

function checkDrivers(node: CSINode, faults: Faults): void {
  const names = new Set<string>();
  for (const [index, driver] of (node.spec?.drivers ?? []).entries()) checkDriver(driver, names, `spec.drivers[${index}]`, faults);
}

function checkDriver(driver: CSINodeDriver, names: Set<string>, at: string, faults: Faults): void {
  const { name = '', nodeID = '' } = driver;
  checkCsiDriverName(name, `${at}.name`, faults);
  if (nodeID === '') faults.required(`${at}.nodeID`);
  if (Buffer.byteLength(nodeID) > NODE_ID_BYTES_MAX) faults.invalid(`${at}.nodeID`, nodeID, `must be ${NODE_ID_BYTES_MAX} characters or less`);
  faults.nonNegative(`${at}.allocatable.count`, driver.allocatable?.count);
  if (names.has(name)) faults.duplicate(`${at}.name`, name);
  names.add(name);
  const keys = new Set<string>();
  for (const key of driver.topologyKeys ?? []) {
    if (key === '') faults.required(at);
    if (keys.has(key)) faults.duplicate(at, key);
    keys.add(key);
    faults.invalidAll(at, key, qualifiedNameFaults(key));
  }
}

/** What a driver said of itself stays, but for how many volumes it can attach. */
function checkDriverChanges(node: CSINode, old: CSINode, faults: Faults, mayCount: boolean): void {
  for (const before of old.spec?.drivers ?? []) {
    for (const driver of node.spec?.drivers ?? []) {
      if (driver.name !== before.name) continue;
      const { allocatable: _now, ...rest } = driver;
      const { allocatable: _before, ...oldRest } = before;
      const same = mayCount ? semanticEqual(rest, oldRest) : semanticEqual(driver, before);
      if (!same) faults.invalid('spec.drivers', goJsonOf('storage/v1.CSINodeDriver', mayCount ? rest : driver), 'field is immutable');
    }
  }
}

export const csiNodeDefinition: ResourceDefinition<CSINode> = {
  resource: csinodes,
  schema: 'storage/v1.CSINode',
  nameRule: 'dns1123-subdomain',
  strategy: {
    validateCreate: (node) => faultsOf((faults) => {
      checkFinalizers(node, faults);
      checkDrivers(node, faults);
    }),
    validateUpdate: (node, old, context) => faultsOf((faults) => {
      checkMetaAgain(node, faults, false);
      checkDrivers(node, faults);
      checkDriverChanges(node, old, faults, context.featureEnabled('MutableCSINodeAllocatableCount'));
    }),
  },
  returnDeletedObject: true,
};
