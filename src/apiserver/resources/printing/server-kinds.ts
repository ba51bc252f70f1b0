/**
 * The tables of the API server's own kinds: aggregated APIs, storage versions and their migration.
 */
import type { APIService } from '#api/generated/apiregistration/v1';
import type { StorageVersion } from '#api/generated/apiserverinternal/v1alpha1';
import type { StorageVersionMigration } from '#api/generated/storagemigration/v1beta1';
import type { TablePrinter } from '../definition.ts';
import { age, firstFew, orUnset } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

const VERSIONS_SHOWN = 3;

export const apiServicePrinter: TablePrinter<APIService> = {
  columns: [
    NAME,
    column('Service', 'string', 'The reference to the service that hosts this API endpoint.'),
    column('Available', 'string', 'Whether this service is available.'),
    AGE,
  ],
  cells({ metadata, spec, status }, nowMs) {
    const service = spec?.service;
    const available = status?.conditions?.find(({ type }) => type === 'Available');
    let text = available?.status ?? 'Unknown';
    if (available !== undefined && text !== 'True' && (available.reason ?? '') !== '') text = `${text} (${available.reason})`;
    return [
      metadata.name, service === undefined || service === null ? 'Local' : `${service.namespace ?? ''}/${service.name ?? ''}`, text,
      age(metadata, nowMs),
    ];
  },
};

export const storageVersionPrinter: TablePrinter<StorageVersion> = {
  columns: [
    NAME,
    column('CommonEncodingVersion', 'string', 'Version in which all servers store objects.'),
    column('StorageVersions', 'string', 'Version in which each server stores objects.'),
    AGE,
  ],
  cells: ({ metadata, status }, nowMs) => [
    metadata.name, orUnset(status?.commonEncodingVersion),
    firstFew((status?.storageVersions ?? []).map((one) => `${one.apiServerID ?? ''}=${one.encodingVersion ?? ''}`), VERSIONS_SHOWN), age(metadata, nowMs),
  ],
};

const MIGRATION_STATES: ReadonlySet<string> = new Set(['Running', 'Failed', 'Succeeded']);

export const storageVersionMigrationPrinter: TablePrinter<StorageVersionMigration> = {
  columns: [
    { name: 'Name', type: 'string', description: NAME.description },
    column('Resource', 'string', 'GroupResource to migrate'),
    column('Status', 'string', 'Status of the migration'),
  ],
  cells({ metadata, spec, status }) {
    const { group = '', resource = '' } = spec?.resource ?? {};
    const state = status?.conditions?.findLast((one) => one.status === 'True' && MIGRATION_STATES.has(one.type))?.type;
    return [metadata.name, group === '' ? resource : `${resource}.${group}`, state ?? 'Unknown'];
  },
};
