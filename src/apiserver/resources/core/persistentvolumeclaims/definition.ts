/** Persistent volume claims as a resource. */
import { persistentvolumeclaims, type PersistentVolumeClaim, type PersistentVolumeClaimSpec } from '#api/generated/core/v1';
import { hasInvalidLabelValue } from '#machinery/validation/label-selector';
import type { ResourceDefinition } from '../../definition.ts';
import { checkClaimSpec, type ClaimRules } from '../../rules/claim-spec.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { defaultClaimSpec } from '../../rules/pod-defaults.ts';
import { warnIfFractional } from '../../rules/pod-warnings.ts';
import { roundUpResources } from '../../rules/resource-lists.ts';
import { keepFields } from '../../rules/status-reset.ts';
import { CLASS_ANNOTATION, checkClaimChange, checkClaimStatus } from './validation.ts';

function defaultClaim(claim: PersistentVolumeClaim): void {
  claim.status ??= {};
  claim.status.phase ||= 'Pending';
  defaultClaimSpec(claim.spec);
  roundUpResources(claim.status.capacity);
  roundUpResources(claim.status.allocatedResources);
}

/** A claim's source stands in two fields; the newer one may also name other kinds, and (gated) other namespaces. */
function settleSources(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined, context: { featureEnabled(gate: string): boolean }): void {
  if (spec.dataSourceRef?.namespace && !context.featureEnabled('CrossNamespaceVolumeDataSource') && !old?.dataSourceRef) delete spec.dataSourceRef;
  const { dataSource } = spec;
  const isKnown = (dataSource?.kind === 'PersistentVolumeClaim' && !dataSource.apiGroup)
    || (dataSource?.kind === 'VolumeSnapshot' && dataSource.apiGroup === 'snapshot.storage.k8s.io');
  if (!old?.dataSource && !old?.dataSourceRef && !spec.dataSourceRef && !isKnown) delete spec.dataSource;
  mirrorSource(spec);
}

function mirrorSource(spec: PersistentVolumeClaimSpec): void {
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { namespace: _namespace, ...source } = spec.dataSourceRef;
    spec.dataSource = source;
  }
}

function warnings(claim: PersistentVolumeClaim): string[] {
  const texts: string[] = [];
  const warn = (place: string, text: string): void => { texts.push(`${place}: ${text}`); };
  if (claim.metadata.annotations?.[CLASS_ANNOTATION] !== undefined) {
    warn(`metadata.annotations[${CLASS_ANNOTATION}]`, 'deprecated since v1.8; use "storageClassName" attribute instead');
  }
  warnIfFractional(claim.spec?.resources?.requests, 'storage', 'spec.resources.requests', warn);
  warnIfFractional(claim.spec?.resources?.limits, 'storage', 'spec.resources.limits', warn);
  return texts;
}

function rulesFor(old: PersistentVolumeClaim): ClaimRules {
  return {
    anySourceGroup: old.spec?.dataSource?.apiGroup !== undefined || old.spec?.dataSourceRef?.apiGroup !== undefined,
    invalidSelectorValues: hasInvalidLabelValue(old.spec?.selector),
  };
}

export const persistentVolumeClaimDefinition: ResourceDefinition<PersistentVolumeClaim> = {
  resource: persistentvolumeclaims,
  schema: 'core/v1.PersistentVolumeClaim',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultClaim,
    prepareForCreate: (claim, context) => {
      claim.status = { phase: 'Pending' };
      settleSources(claim.spec!, undefined, context);
    },
    prepareForUpdate: (claim, old, context) => {
      keepFields(claim, old, 'status');
      settleSources(claim.spec!, old.spec, context);
      if (old.spec) mirrorSource(old.spec);
    },
    validateCreate: (claim) => faultsOf((faults) => {
      checkFinalizers(claim, faults);
      checkClaimSpec(claim.spec!, 'spec', faults);
    }),
    validateUpdate: (claim, old) => faultsOf((faults) => {
      checkMetaOnUpdate(claim, old, faults);
      checkMetaAgain(claim, faults, true);
      checkClaimSpec(claim.spec!, 'spec', faults, rulesFor(old));
      checkClaimChange(claim, old, faults);
    }),
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  statusStrategy: {
    prepareForUpdate: (claim, old) => keepFields(claim, old, 'spec'),
    validateUpdate: (claim, old) => faultsOf((faults) => {
      checkMetaOnUpdate(claim, old, faults);
      checkClaimStatus(claim, faults);
    }),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
  selectableFieldNames: ['name'],
  selectableFields: (claim) => ({ name: claim.metadata.name ?? '' }),
};
