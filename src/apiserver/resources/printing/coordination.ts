/**
 * The tables of coordination.k8s.io.
 */
import type { Lease } from '#api/generated/coordination/v1';
import type { LeaseCandidate } from '#api/generated/coordination/v1beta1';
import type { TablePrinter } from '../definition.ts';
import { age } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

export const leasePrinter: TablePrinter<Lease> = {
  columns: [NAME, column('Holder', 'string', 'Who holds the lease.'), AGE],
  cells: ({ metadata, spec }, nowMs) => [metadata.name, spec?.holderIdentity ?? '', age(metadata, nowMs)],
};

export const leaseCandidatePrinter: TablePrinter<LeaseCandidate> = {
  columns: [
    NAME,
    column('LeaseName', 'string', 'Lease that is wanted.'),
    column('BinaryVersion', 'string', ''),
    column('EmulationVersion', 'string', ''),
    AGE,
  ],
  cells: ({ metadata, spec }, nowMs) => [
    metadata.name, spec.leaseName, spec.binaryVersion, spec.emulationVersion ?? '', age(metadata, nowMs),
  ],
};
