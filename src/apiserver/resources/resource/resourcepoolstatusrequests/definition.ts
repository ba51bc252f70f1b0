/** Requests for the state of device pools as a resource: asked once, answered once. */
import { resourcepoolstatusrequests, type PoolStatus, type ResourcePoolStatusRequest, type ResourcePoolStatusRequestStatus } from '#api/generated/resource/v1alpha3';
import { semanticEqual } from '#machinery/deep-equal';
import { path } from '#machinery/field-error';
import { dns1123SubdomainFaults } from '#machinery/names';
import { validateConditions } from '#machinery/validation/conditions';
import type { ResourceDefinition } from '../../definition.ts';
import { checkList, checkPoolName } from '../../rules/devices.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields, keepMetadata } from '../../rules/status-reset.ts';

const DEFAULT_LIMIT = 100;
const POOLS_MAX = 1000;
const CONDITIONS_MAX = 10;
const ERROR_BYTES_MAX = 256;

function checkDriver(driver: string | undefined, place: string, faults: Faults): void {
  if (!driver) faults.required(place);
  else faults.invalidAll(place, driver, dns1123SubdomainFaults(driver.toLowerCase()));
}

function checkMin(value: number | undefined, min: number, place: string, faults: Faults): void {
  if (value !== undefined && value < min) faults.invalid(place, value, `must be greater than or equal to ${min}`);
}

function checkSpec({ spec }: ResourcePoolStatusRequest, faults: Faults): void {
  checkDriver(spec?.driver, 'spec.driver', faults);
  if (spec?.poolName !== undefined) checkPoolName(spec.poolName, 'spec.poolName', faults);
  const limit = spec?.limit;
  if (limit === undefined) return faults.required('spec.limit');
  if (limit > POOLS_MAX) faults.invalid('spec.limit', limit, `must be less than or equal to ${POOLS_MAX}`);
  checkMin(limit, 1, 'spec.limit', faults);
}

function checkStatus(status: ResourcePoolStatusRequestStatus, faults: Faults): void {
  const conditions = status.conditions ?? [];
  faults.add(validateConditions(conditions, path('status', 'conditions')));
  if (status.poolCount === undefined) faults.required('status.poolCount');
  checkMin(status.poolCount, 0, 'status.poolCount', faults);
  checkList(status.pools, POOLS_MAX, 'status.pools', faults, (pool, at) => checkPool(pool, at, faults));
  if (conditions.length > CONDITIONS_MAX) faults.tooMany('status.conditions', conditions.length, CONDITIONS_MAX);
}

function checkPool(pool: PoolStatus, at: string, faults: Faults): void {
  checkDriver(pool.driver, `${at}.driver`, faults);
  checkPoolName(pool.poolName, `${at}.poolName`, faults);
  if (!pool.generation) faults.required(`${at}.generation`);
  else checkMin(pool.generation, 0, `${at}.generation`, faults);
  checkMin(pool.resourceSliceCount, 1, `${at}.resourceSliceCount`, faults);
  for (const field of ['totalDevices', 'allocatedDevices', 'availableDevices', 'unavailableDevices'] as const) checkMin(pool[field], 0, `${at}.${field}`, faults);
  if (pool.nodeName !== undefined) faults.invalidAll(`${at}.nodeName`, pool.nodeName, dns1123SubdomainFaults(pool.nodeName));
  if (Buffer.byteLength(pool.validationError ?? '') > ERROR_BYTES_MAX) faults.tooLong(`${at}.validationError`, ERROR_BYTES_MAX);
}

export const resourcePoolStatusRequestDefinition: ResourceDefinition<ResourcePoolStatusRequest> = {
  resource: resourcepoolstatusrequests,
  schema: 'resource/v1alpha3.ResourcePoolStatusRequest',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => { if (spec) spec.limit ??= DEFAULT_LIMIT; },
    prepareForCreate: (request) => { delete request.status; },
    prepareForUpdate: (request, old) => keepFields(request, old, 'status'),
    validateCreate: (request) => faultsOf((faults) => {
      checkFinalizers(request, faults);
      checkSpec(request, faults);
    }),
    validateUpdate: (request, old) => faultsOf((faults) => {
      checkMetaOnUpdate(request, old, faults);
      if (!semanticEqual(request.spec, old.spec)) {
        faults.invalid('spec', null, 'field is immutable');
      }
    }),
  },
  statusStrategy: {
    prepareForUpdate: (request, old) => {
      keepFields(request, old, 'spec');
      keepMetadata(request, old);
    },
    validateUpdate: (request, old) => faultsOf((faults) => {
      checkMetaOnUpdate(request, old, faults);
      if (!old.status) {
        if (request.status) checkStatus(request.status, faults);
      } else if (!semanticEqual(request.status, old.status)) {
        faults.invalid('status', goJsonOf('resource/v1alpha3.ResourcePoolStatusRequestStatus', request.status), 'field is immutable');
      }
    }),
  },
  returnDeletedObject: true,
};
