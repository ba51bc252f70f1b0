/** Resource quotas as a resource. */
import { resourcequotas, type ResourceQuota, type ResourceQuotaSpec } from '#api/generated/core/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkQuantityOf, checkResourceName, compareTexts, isStandardQuotaResource, roundUpResources, type ResourceList } from '../../rules/resource-lists.ts';
import { keepFields } from '../../rules/status-reset.ts';

const POD_SCOPES = ['Terminating', 'NotTerminating', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'];
const SCOPES = [...POD_SCOPES, 'BestEffort', 'VolumeAttributesClass'];
const EXISTS_ONLY = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
const POD_RESOURCES = ['pods', 'cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];

/** Whether a scope says anything about a resource. */
function scopeFits(scope: string, resource: string): boolean {
  if (POD_SCOPES.includes(scope)) return POD_RESOURCES.includes(resource);
  if (scope === 'BestEffort') return resource === 'pods';
  if (scope === 'VolumeAttributesClass') return resource === 'persistentvolumeclaims' || resource === 'requests.storage';
  return true;
}

function checkAmounts(list: ResourceList | undefined, place: string, faults: Faults): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const at = `${place}[${name}]`;
    checkResourceName(name, at, faults);
    if (!name.includes('/') && !isStandardQuotaResource(name)) faults.invalid(at, name, 'must be a standard resource for quota');
    checkQuantityOf(name, text, at, faults);
  }
}

function checkSpec(spec: ResourceQuotaSpec, faults: Faults): void {
  checkAmounts(spec.hard, 'spec.hard', faults);
  const scopes = spec.scopes ?? [];
  const resources = Object.keys(spec.hard ?? {}).filter(isStandardQuotaResource);
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) faults.invalid('spec.scopes', scopes, 'unsupported scope');
    for (const resource of resources) if (!scopeFits(scope, resource)) faults.invalid('spec.scopes', scopes, 'unsupported scope applied to resource');
  }
  checkConflicts(new Set(scopes), 'spec.scopes', scopes, faults);
  if (spec.scopeSelector) checkScopeSelector(spec, resources, faults);
}

function checkConflicts(scopes: ReadonlySet<string>, place: string, printed: unknown, faults: Faults): void {
  for (const [a, b] of [['BestEffort', 'NotBestEffort'], ['Terminating', 'NotTerminating']] as const) {
    if (scopes.has(a) && scopes.has(b)) faults.invalid(place, printed, 'conflicting scopes');
  }
}

function checkScopeSelector(spec: ResourceQuotaSpec, resources: readonly string[], faults: Faults): void {
  const place = 'spec.scopeSelector.matchExpressions';
  const matches = spec.scopeSelector?.matchExpressions ?? [];
  for (const match of matches) {
    const values = match.values ?? [];
    if (!SCOPES.includes(match.scopeName)) faults.invalid(`${place}.scopeName`, match.scopeName, 'unsupported scope');
    for (const resource of resources) {
      if (!scopeFits(match.scopeName, resource)) faults.invalid(place, goJsonOf('core/v1.ScopeSelector', spec.scopeSelector), 'unsupported scope applied to resource');
    }
    if (EXISTS_ONLY.includes(match.scopeName) && match.operator !== 'Exists') {
      faults.invalid(`${place}.operator`, match.operator, "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
        + 'ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity');
    }
    if (match.operator === 'In' || match.operator === 'NotIn') {
      if (values.length === 0) faults.required(`${place}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
    } else if (match.operator === 'Exists' || match.operator === 'DoesNotExist') {
      if (values.length > 0) faults.invalid(`${place}.values`, values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
    } else {
      faults.invalid(`${place}.operator`, match.operator, 'not a valid selector operator');
    }
  }
  checkConflicts(new Set(matches.map((match) => match.scopeName)), place, spec.scopes ?? null, faults);
}

function checkStatus(quota: ResourceQuota, faults: Faults): void {
  checkAmounts(quota.status?.hard, 'status.hard', faults);
  checkAmounts(quota.status?.used, 'status.used', faults);
}

function warnings(quota: ResourceQuota): string[] {
  const hard = quota.spec?.hard ?? {};
  return ['cpu', 'memory', 'storage', 'ephemeral-storage'].flatMap((name) => {
    const short = name === 'cpu' || name === 'memory' ? name : `requests.${name}`;
    const requestName = hard[`requests.${name}`] === undefined ? short : `requests.${name}`;
    const request = hard[requestName];
    const limit = hard[`limits.${name}`];
    if (request === undefined || limit === undefined || compareTexts(request, limit) <= 0) return [];
    return [`ResourceQuota ${requestName} (${request}) should be less than limits.${name} (${limit})`];
  });
}

export const resourceQuotaDefinition: ResourceDefinition<ResourceQuota> = {
  resource: resourcequotas,
  schema: 'core/v1.ResourceQuota',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (quota) => { for (const list of [quota.spec?.hard, quota.status?.hard, quota.status?.used]) roundUpResources(list); },
    prepareForCreate: (quota) => { quota.status = {}; },
    prepareForUpdate: (quota, old) => keepFields(quota, old, 'status'),
    validateCreate: (quota) => faultsOf((faults) => {
      checkFinalizers(quota, faults);
      checkSpec(quota.spec ?? {}, faults);
    }),
    validateUpdate: (quota, old) => faultsOf((faults) => {
      checkMetaOnUpdate(quota, old, faults);
      checkSpec(quota.spec ?? {}, faults);
      const scopes = new Set(quota.spec?.scopes);
      const before = new Set(old.spec?.scopes);
      if (scopes.size !== before.size || [...scopes].some((scope) => !before.has(scope))) {
        faults.invalid('spec.scopes', quota.spec?.scopes ?? null, 'field is immutable');
      }
    }),
    warningsOnCreate: warnings,
  },
  statusStrategy: {
    prepareForUpdate: (quota, old) => keepFields(quota, old, 'spec'),
    validateUpdate: (quota, old) => faultsOf((faults) => {
      checkMetaOnUpdate(quota, old, faults);
      if (!quota.metadata.resourceVersion) faults.required('resourceVersion');
      checkStatus(quota, faults);
    }),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
