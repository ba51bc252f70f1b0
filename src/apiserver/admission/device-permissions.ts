/**
 * Who may write what into claims of devices: administrator's access needs a label on the namespace; whoever allocates needs
 * `resourceclaims/binding`, whoever reports on a driver's devices `resourceclaims/driver`.
 *
 * Not among upstream's plugins: there the rules of the resources ask.
 */
import { namespaces } from '#api/generated/core/v1';
import type { AllocatedDeviceStatus, AllocationResult, DeviceRequestAllocationResult, ResourceClaim, ResourceClaimStatus } from '#api/generated/resource/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { forbidden as forbiddenField, internal, path, type FieldError, type FieldPath } from '#machinery/field-error';
import { newInvalid } from '#machinery/status-error';
import { resourceAttributes } from '../authz/attributes.ts';
import { forbidden } from '../authz/forbidden.ts';
import { fresh, type AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { isAbout } from './refusal.ts';

const GROUP = 'resource.k8s.io';
const ADMIN_LABEL = 'resource.kubernetes.io/admin-access';
const NODE_NAME_KEY = 'authentication.kubernetes.io/node-name';

/** Of v1 and, without `exactly`, of v1beta1. */
interface DeviceRequestLike { exactly?: { adminAccess?: boolean }; adminAccess?: boolean }
interface ClaimSpecLike { devices?: { requests?: readonly DeviceRequestLike[] } }

type Dependencies = Pick<AdmissionDependencies, 'authorizer' | 'client'>;

export function devicePermissions(dependencies: Dependencies): AdmissionPlugin {
  return {
    name: 'DevicePermissions',
    async validate(attributes) {
      const errors = await faults(dependencies, attributes);
      if (errors.length > 0) throw newInvalid(GROUP, attributes.kind, attributes.name, errors);
    },
  };
}

async function faults(dependencies: Dependencies, attributes: AdmissionAttributes): Promise<FieldError[]> {
  const { operation, object, oldObject } = attributes;
  if (isAbout(attributes, GROUP, 'resourceclaims', 'status') && operation === 'UPDATE') {
    return statusFaults(dependencies, attributes, (object as ResourceClaim).status ?? {}, (oldObject as ResourceClaim).status ?? {});
  }
  if (operation !== 'CREATE') return [];
  if (isAbout(attributes, GROUP, 'resourceclaims')) {
    return adminFaults(dependencies, attributes, requestedByAdmin((object as { spec?: ClaimSpecLike }).spec));
  }
  if (isAbout(attributes, GROUP, 'resourceclaimtemplates')) {
    return adminFaults(dependencies, attributes, requestedByAdmin((object as { spec?: { spec?: ClaimSpecLike } }).spec?.spec));
  }
  return [];
}

function requestedByAdmin(spec: ClaimSpecLike | undefined): FieldPath | undefined {
  const index = (spec?.devices?.requests ?? []).findIndex((request) => (request.exactly ?? request).adminAccess === true);
  // A template's place reads as the claim's.
  return index === -1 ? undefined : path('spec', 'devices', 'requests').index(index).child('adminAccess');
}

async function adminFaults({ client }: Dependencies, { namespace, signal }: AdmissionAttributes, place: FieldPath | undefined): Promise<FieldError[]> {
  if (place === undefined) return [];
  const found = await fresh(client, namespaces, namespace, undefined, signal);
  if (found === undefined) return [internal(place, `could not retrieve namespace to verify admin access: namespaces "${namespace}" not found`)];
  if (found.metadata.labels?.[ADMIN_LABEL] === 'true') return [];
  return [forbiddenField(place, `admin access to devices requires the \`${ADMIN_LABEL}: true\` label on the containing namespace`)];
}

async function statusFaults(dependencies: Dependencies, attributes: AdmissionAttributes, status: ResourceClaimStatus, old: ResourceClaimStatus): Promise<FieldError[]> {
  const granted = (result: AllocationResult | undefined): readonly DeviceRequestAllocationResult[] => result?.devices?.results ?? [];
  const index = granted(status.allocation).findIndex(({ adminAccess }) => adminAccess === true);
  const isNew = index !== -1 && !granted(old.allocation).some(({ adminAccess }) => adminAccess === true);
  return [
    ...await adminFaults(dependencies, attributes, isNew ? path('status', 'allocation', 'devices', 'results').index(index).child('adminAccess') : undefined),
    ...await bindingFaults(dependencies, attributes, status, old),
    ...status.allocation === undefined ? [] : await driverFaults(dependencies, attributes, status, old),
  ];
}

/** In all namespaces, for claims of all names. */
async function bindingFaults(dependencies: Dependencies, attributes: AdmissionAttributes, status: ResourceClaimStatus, old: ResourceClaimStatus): Promise<FieldError[]> {
  if (semanticEqual(status.allocation, old.allocation) && semanticEqual(status.reservedFor ?? [], old.reservedFor ?? [])) return [];
  const { verb } = attributes.info;
  const refusal = await refusalOf(dependencies, attributes, { verb, subresource: 'binding' });
  if (refusal === undefined) return [];
  const text = `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${verb}" permission: ${refusal}`;
  return [forbiddenField(path('status', 'allocation'), text)];
}

/** Each driver whose devices' status changes is the name of what is asked for. */
async function driverFaults(dependencies: Dependencies, attributes: AdmissionAttributes, status: ResourceClaimStatus, old: ResourceClaimStatus): Promise<FieldError[]> {
  const { namespace, info, user } = attributes;
  const verbs = [`arbitrary-node:${info.verb}`];
  const nodes = user.extra?.[NODE_NAME_KEY] ?? [];
  const node = nodeOf(status.allocation);
  if (node !== undefined && nodes.length === 1 && nodes[0] === node && user.name.startsWith('system:serviceaccount:')) verbs.unshift(`associated-node:${info.verb}`);
  const errors: FieldError[] = [];
  for (const name of changedDrivers(status.devices ?? [], old.devices ?? [])) {
    let first: string | undefined;
    let isAllowed = false;
    for (const verb of verbs) {
      const refusal = await refusalOf(dependencies, attributes, { verb, subresource: 'driver', namespace, name });
      isAllowed = refusal === undefined;
      if (isAllowed) break;
      first ??= refusal;
    }
    if (!isAllowed) errors.push(forbiddenField(path('status', 'devices'), `changing status.devices requires resource="resourceclaims/driver", verb="[${verbs.join(' ')}]" permission: ${first}`));
  }
  return errors;
}

function changedDrivers(devices: readonly AllocatedDeviceStatus[], old: readonly AllocatedDeviceStatus[]): string[] {
  const keyOf = ({ driver, pool, device, shareID }: AllocatedDeviceStatus): string => JSON.stringify([driver, pool, device, shareID ?? '']);
  const before = new Map(old.map((device) => [keyOf(device), device]));
  const drivers = new Set<string>();
  for (const device of devices) {
    const key = keyOf(device);
    if (!semanticEqual(before.get(key), device)) drivers.add(device.driver);
    before.delete(key);
  }
  for (const { driver } of before.values()) drivers.add(driver);
  return [...drivers].sort();
}

/** The one node that an allocation names. */
function nodeOf(allocation: AllocationResult | undefined): string | undefined {
  const terms = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  const [term] = terms;
  if (term === undefined || terms.length !== 1 || (term.matchExpressions ?? []).length !== 0 || term.matchFields?.length !== 1) return undefined;
  const { key, operator, values } = term.matchFields[0]!;
  return key === 'metadata.name' && operator === 'In' && values?.length === 1 ? values[0] : undefined;
}

async function refusalOf(
  { authorizer }: Dependencies, { user, info }: AdmissionAttributes, question: { verb: string; subresource: string; namespace?: string; name?: string },
): Promise<string | undefined> {
  const attributes = resourceAttributes({ user, group: GROUP, version: info.version, resource: 'resourceclaims', ...question });
  const { decision, reason, error } = await authorizer.authorize(attributes);
  if (decision === 'allow') return undefined;
  return forbidden(attributes, [error, reason].filter((text) => text !== undefined && text !== '').join(': ')).message;
}
