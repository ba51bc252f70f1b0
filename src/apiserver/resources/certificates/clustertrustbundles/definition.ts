/** Cluster trust bundles as a resource: trust anchors, of a signer or of nobody in particular. */
import { clustertrustbundles, type ClusterTrustBundle } from '#api/generated/certificates/v1beta1';
import { nameIsPathSegment } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkDerivedName, checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkSignerName, trustBundleNameTexts } from '../../rules/signers.ts';
import { checkTrustAnchors } from './trust-anchors.ts';

function checkBundle(bundle: ClusterTrustBundle, sameAnchors: boolean, faults: Faults): void {
  const signer = bundle.spec?.signerName ?? '';
  checkDerivedName(bundle, (name) => trustBundleNameTexts(name, signer), faults);
  if (signer !== '') checkSignerName(signer, 'spec.signerName', faults);
  if (!sameAnchors) checkTrustAnchors(bundle.spec?.trustBundle ?? '', 'spec.trustBundle', faults);
}

export const clusterTrustBundleDefinition: ResourceDefinition<ClusterTrustBundle> = {
  resource: clustertrustbundles,
  schema: 'certificates/v1beta1.ClusterTrustBundle',
  nameRule: 'path-segment',
  strategy: {
    validateCreate: (bundle) => faultsOf((faults) => {
      checkFinalizers(bundle, faults);
      checkBundle(bundle, false, faults);
    }),
    validateUpdate: (bundle, old) => faultsOf((faults) => {
      checkMetaAgain(bundle, faults, false, nameIsPathSegment);
      checkBundle(bundle, bundle.spec?.trustBundle === old.spec?.trustBundle, faults);
      checkMetaOnUpdate(bundle, old, faults);
      if ((bundle.spec?.signerName ?? '') !== (old.spec?.signerName ?? '')) faults.invalid('spec.signerName', bundle.spec?.signerName, 'field is immutable');
    }),
  },
  selectableFieldNames: ['spec.signerName'],
  selectableFields: (bundle) => ({ 'spec.signerName': bundle.spec?.signerName ?? '' }),
};
