/** Lease candidates as a resource: who could lead, and with which version. */
import { leasecandidates, type LeaseCandidate } from '#api/generated/coordination/v1beta1';
import { path } from '#machinery/field-error';
import { validateObjectMetaUpdate } from '#machinery/validation/object-meta';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkLeaseStrategy, OLDEST_EMULATION_VERSION } from '../../rules/lease-strategy.ts';

const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function numbersOf(version: string): number[] {
  return (VERSION.exec(version)?.slice(1, 4) ?? ['0', '0', '0']).map(Number);
}

function isOlder(version: string, than: string): boolean {
  const other = numbersOf(than);
  const difference = numbersOf(version).map((number, index) => number - other[index]!).find((one) => one !== 0) ?? 0;
  if (difference !== 0) return difference < 0;
  // A version before the release is older than the release.
  return version.includes('-') && !than.includes('-');
}

function checkCandidate({ spec }: LeaseCandidate, faults: Faults): void {
  const { leaseName, emulationVersion = '', binaryVersion = '', strategy } = spec ?? {} as Partial<LeaseCandidate['spec']> & object;
  if (!leaseName) faults.required('spec.leaseName');
  if (emulationVersion !== '' && !VERSION.test(emulationVersion)) {
    faults.invalid('spec.emulationVersion', emulationVersion, 'must be a valid semantic version');
  }
  if (binaryVersion === '') faults.required('spec.binaryVersion');
  else if (!VERSION.test(binaryVersion)) faults.invalid('spec.binaryVersion', binaryVersion, 'must be a valid semantic version');
  if (binaryVersion !== '' && emulationVersion !== '' && isOlder(binaryVersion, emulationVersion)) {
    faults.invalid('spec.binaryVersion', binaryVersion, 'must be greater than or equal to `emulationVersion`');
  }
  if (!strategy) return faults.required('spec.strategy');
  if (strategy === OLDEST_EMULATION_VERSION && numbersOf(emulationVersion).every((number) => number === 0)) {
    faults.required('spec.emulationVersion', "must be specified when `strategy` is 'OldestEmulationVersion'");
  }
  checkLeaseStrategy(strategy, 'spec.strategy', faults);
}

export const leaseCandidateDefinition: ResourceDefinition<LeaseCandidate> = {
  resource: leasecandidates,
  schema: 'coordination/v1beta1.LeaseCandidate',
  nameRule: 'dns1123-subdomain',
  strategy: {
    validateCreate: (candidate) => faultsOf((faults) => checkCandidate(candidate, faults)),
    validateUpdate: (candidate, old) => faultsOf((faults) => {
      faults.add(validateObjectMetaUpdate(candidate.metadata, old.metadata, path('metadata')));
      checkCandidate(candidate, faults);
      if (candidate.spec?.leaseName !== old.spec?.leaseName) faults.invalid('spec.leaseName', candidate.spec?.leaseName, 'field is immutable');
    }),
  },
  allowCreateOnUpdate: true,
  selectableFieldNames: ['spec.leaseName'],
  selectableFields: ({ spec }) => ({ 'spec.leaseName': spec?.leaseName ?? '' }),
};
