/** Candidates for a lease, from which the coordinated leader election picks. */
import { leasecandidates, type LeaseCandidate, type LeaseCandidateSpec } from '#api/generated/coordination/v1beta1';
import { configMapKeyFaults } from '#machinery/names';
import { IMMUTABLE_FIELD } from '#machinery/validation/object-meta';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkLeaseStrategy, OLDEST_EMULATION_VERSION } from '../../rules/lease-strategy.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { compareSemanticVersions, parseSemanticVersion, type SemanticVersion } from './semantic-version.ts';

const ZERO: SemanticVersion = { numbers: [0, 0, 0], preRelease: [] };

function readVersion(text: string | undefined, place: string, faults: Faults): SemanticVersion {
  if (!text) return ZERO;
  const version = parseSemanticVersion(text);
  if (!version) faults.invalid(place, text, 'must be a valid semantic version');
  return version ?? ZERO;
}

function checkSpec(spec: Partial<LeaseCandidateSpec>, faults: Faults): void {
  if (!spec.leaseName) faults.required('spec.leaseName');
  const emulated = readVersion(spec.emulationVersion, 'spec.emulationVersion', faults);
  if (!spec.binaryVersion) faults.required('spec.binaryVersion');
  const binary = readVersion(spec.binaryVersion, 'spec.binaryVersion', faults);
  if (spec.binaryVersion && spec.emulationVersion && compareSemanticVersions(binary, emulated) < 0) {
    faults.invalid('spec.binaryVersion', spec.binaryVersion, 'must be greater than or equal to `emulationVersion`');
  }
  checkStrategy(spec.strategy, emulated, faults);
}

function checkStrategy(strategy: string | undefined, emulated: SemanticVersion, faults: Faults): void {
  if (!strategy) return faults.required('spec.strategy');
  if (strategy === OLDEST_EMULATION_VERSION && compareSemanticVersions(emulated, ZERO) === 0) {
    faults.required('spec.emulationVersion', `must be specified when \`strategy\` is '${OLDEST_EMULATION_VERSION}'`);
  }
  checkLeaseStrategy(strategy, 'spec.strategy', faults);
}

export const leaseCandidateDefinition: ResourceDefinition<LeaseCandidate> = {
  resource: leasecandidates,
  schema: 'coordination/v1beta1.LeaseCandidate',
  nameRule: (name) => configMapKeyFaults(name),
  strategy: {
    validateCreate: (candidate) => faultsOf((faults) => {
      checkFinalizers(candidate, faults);
      checkSpec(candidate.spec ?? {}, faults);
    }),
    validateUpdate: (candidate, old) => faultsOf((faults) => {
      checkMetaOnUpdate(candidate, old, faults);
      checkSpec(candidate.spec ?? {}, faults);
      if (candidate.spec?.leaseName !== old.spec?.leaseName) faults.invalid('spec.leaseName', candidate.spec?.leaseName, IMMUTABLE_FIELD);
    }),
  },
  allowCreateOnUpdate: true,
  selectableFieldNames: ['spec.leaseName'],
  selectableFields: ({ spec }) => ({ 'spec.leaseName': spec?.leaseName ?? '' }),
};
