/** What `/status` and `/approval` of a signing request let through. */
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '#api/generated/certificates/v1';
import { rfc3339 } from '#base/clock';
import type { ResourceDefinition } from '../../definition.ts';
import { validateRequestUpdate } from './validation.ts';

type UpdateStrategy = NonNullable<ResourceDefinition<CertificateSigningRequest>['statusStrategy']>;

export const statusStrategy: UpdateStrategy = {
  prepareForUpdate(request, old, { nowMs }) {
    request.spec = old.spec;
    keep(request, old, 'Approved');
    keep(request, old, 'Denied');
    stampConditions(request, old, nowMs);
  },
  validateUpdate: (request, old) => validateRequestUpdate(request, old, { setsApproval: false, setsCertificate: true }),
};

export const approvalStrategy: UpdateStrategy = {
  prepareForUpdate(request, old, { nowMs }) {
    stampConditions(request, old, nowMs);
    const conditions = request.status?.conditions;
    request.spec = old.spec;
    const { conditions: _old, ...status } = old.status ?? {};
    request.status = { ...status, ...(conditions === undefined ? {} : { conditions }) };
  },
  validateUpdate: (request, old) => validateRequestUpdate(request, old, { setsApproval: true, setsCertificate: false }),
};

/** Takes the old instances of a condition, unless some were added or removed: validation refuses that. */
function keep(request: CertificateSigningRequest, old: CertificateSigningRequest, type: string): void {
  const before = (old.status?.conditions ?? []).filter((condition) => condition.type === type);
  const conditions = request.status?.conditions ?? [];
  if (conditions.filter((condition) => condition.type === type).length !== before.length || before.length === 0) return;
  let next = 0;
  request.status = { ...request.status, conditions: conditions.map((condition) => (condition.type === type ? before[next++]! : condition)) };
}

function stampConditions(request: CertificateSigningRequest, old: CertificateSigningRequest, nowMs: number): void {
  const now = rfc3339(nowMs);
  const known = (condition: CertificateSigningRequestCondition): string | undefined =>
    old.status?.conditions?.find(({ type, status, lastTransitionTime }) => type === condition.type && status === condition.status && lastTransitionTime != null)?.lastTransitionTime;
  for (const condition of request.status?.conditions ?? []) {
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= known(condition) ?? now;
  }
}
