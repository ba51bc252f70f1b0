/**
 * Certificate signing requests: what is asked for never changes; `/approval` sets Approved or Denied, `/status` the certificate
 * and Failed.
 *
 * Who asks is written into the spec from the request itself, so that approvers can believe it.
 */
import { certificatesigningrequests, type CertificateSigningRequest } from '#api/generated/certificates/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { approvalStrategy, statusStrategy } from './conditions.ts';
import { validateRequest, validateRequestUpdate } from './validation.ts';

export const certificateSigningRequestDefinition: ResourceDefinition<CertificateSigningRequest> = {
  resource: certificatesigningrequests,
  schema: 'certificates/v1.CertificateSigningRequest',
  nameRule: () => [],
  strategy: {
    prepareForCreate(request, { user }) {
      const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...asked } = request.spec;
      const extra = Object.entries(user?.extra ?? {});
      request.spec = {
        ...asked, ...(user === undefined ? {} : { username: user.name }), ...(user?.uid ? { uid: user.uid } : {}),
        ...(user === undefined || user.groups.length === 0 ? {} : { groups: [...user.groups] }),
        ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra.map(([key, values]) => [key, [...values]])) }),
      };
      request.status = {};
    },
    prepareForUpdate(request, old) {
      request.spec = old.spec;
      if (old.status === undefined) delete request.status;
      else request.status = old.status;
    },
    validateCreate: (request) => validateRequest(request, undefined),
    validateUpdate: (request, old) => validateRequestUpdate(request, old, { setsApproval: false, setsCertificate: false }),
  },
  statusStrategy: statusStrategy,
  subresourceStrategies: { approval: approvalStrategy },
  allowUnconditionalUpdate: true,
  selectableFields: ({ spec }) => ({ 'spec.signerName': spec.signerName }),
  selectableFieldNames: ['spec.signerName'],
};
