/** Pod certificate requests as a resource: a node asks for a pod, a signer answers once. */
import { podcertificaterequests, type PodCertificateRequest } from '#api/generated/certificates/v1beta1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields, keepMetadata } from '../../rules/status-reset.ts';
import { checkRequest } from './request.ts';
import { checkStatus } from './status.ts';

const DAY_SECONDS = 24 * 60 * 60;

export const podCertificateRequestDefinition: ResourceDefinition<PodCertificateRequest> = {
  resource: podcertificaterequests,
  schema: 'certificates/v1beta1.PodCertificateRequest',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => { if (spec) spec.maxExpirationSeconds ??= DAY_SECONDS; },
    prepareForCreate: (request) => { request.status = {}; },
    prepareForUpdate: (request, old) => keepFields(request, old, 'status'),
    validateCreate: (request) => faultsOf((faults) => {
      checkFinalizers(request, faults);
      checkRequest(request.spec ?? {}, faults);
    }),
    validateUpdate: (request, old) => faultsOf((faults) => {
      checkMetaOnUpdate(request, old, faults);
      if (!semanticEqual(request.spec, old.spec)) {
        faults.invalid('spec', goJsonOf('certificates/v1beta1.PodCertificateRequestSpec', request.spec), 'field is immutable');
      }
    }),
  },
  statusStrategy: {
    prepareForUpdate: (request, old) => {
      keepFields(request, old, 'spec');
      keepMetadata(request, old);
    },
    validateUpdate: (request, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(request, old, faults);
      if (faults.count === 0) checkStatus(request, old, context.nowMs, faults);
    }),
  },
  selectableFieldNames: ['spec.signerName', 'spec.podName', 'spec.nodeName'],
  selectableFields: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '', 'spec.podName': spec?.podName ?? '', 'spec.nodeName': spec?.nodeName ?? '' }),
};
