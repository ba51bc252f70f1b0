/** Config maps as a resource. */
import { configmaps, type ConfigMap } from '#api/generated/core/v1';
import { configMapKeyFaults } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { base64Bytes, checkImmutableData, DATA_BYTES_MAX, emptyNulls } from '../../rules/data.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';

function checkData(map: ConfigMap, faults: Faults): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(map.data ?? {})) {
    faults.invalidAll(`data[${key}]`, key, configMapKeyFaults(key));
    if (map.binaryData?.[key] !== undefined) faults.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
    bytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(map.binaryData ?? {})) {
    faults.invalidAll(`binaryData[${key}]`, key, configMapKeyFaults(key));
    bytes += base64Bytes(value);
  }
  if (bytes > DATA_BYTES_MAX) faults.tooLong('[]', DATA_BYTES_MAX);
}

export const configMapDefinition: ResourceDefinition<ConfigMap> = {
  resource: configmaps,
  schema: 'core/v1.ConfigMap',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ binaryData }) => emptyNulls(binaryData),
    validateCreate: (map) => faultsOf((faults) => {
      checkFinalizers(map, faults);
      checkData(map, faults);
    }),
    validateUpdate: (map, old) => faultsOf((faults) => {
      checkMetaOnUpdate(map, old, faults);
      checkImmutableData(map, old, ['data', 'binaryData'], faults);
      checkMetaAgain(map, faults, true);
      checkData(map, faults);
    }),
  },
  allowUnconditionalUpdate: true,
};
