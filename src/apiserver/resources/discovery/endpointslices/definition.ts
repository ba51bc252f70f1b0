/** Endpoint slices as a resource. */
import { endpointslices, type EndpointSlice } from '#api/generated/discovery/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { ipWarnings } from '#machinery/validation/ip';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain } from '../../rules/metadata.ts';
import { checkEndpoints, checkSlice } from './validation.ts';

const MANAGERS = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'];
const HOSTNAME_LABEL = 'kubernetes.io/hostname';
const ZONE_LABEL = 'topology.kubernetes.io/zone';

function defaultSlice(slice: EndpointSlice): void {
  for (const port of slice.ports ?? []) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
  // The zone has a field of its own.
  for (const endpoint of slice.endpoints ?? []) {
    if (endpoint.deprecatedTopology?.[ZONE_LABEL] === undefined) continue;
    const { [ZONE_LABEL]: _zone, ...rest } = endpoint.deprecatedTopology;
    endpoint.deprecatedTopology = rest;
  }
}

/** Topology labels were v1beta1's; a node name that a stored slice told only by its label is kept. */
function dropTopology(slice: EndpointSlice, old: EndpointSlice | undefined): void {
  if (old && semanticEqual(old.endpoints, slice.endpoints)) return;
  const known = new Set((old?.endpoints ?? []).map((endpoint) => endpoint.deprecatedTopology?.[HOSTNAME_LABEL]).filter(Boolean));
  for (const endpoint of slice.endpoints ?? []) {
    const name = endpoint.deprecatedTopology?.[HOSTNAME_LABEL];
    if (endpoint.nodeName === undefined && name !== undefined && known.has(name)) endpoint.nodeName = name;
    delete endpoint.deprecatedTopology;
  }
}

function dropNodeHints(slice: EndpointSlice, old: EndpointSlice | undefined, context: { featureEnabled(gate: string): boolean }): void {
  if (context.featureEnabled('PreferSameTrafficDistribution') || (old?.endpoints ?? []).some((endpoint) => endpoint.hints?.forNodes)) return;
  for (const endpoint of slice.endpoints ?? []) delete endpoint.hints?.forNodes;
}

function addressWarnings(slice: EndpointSlice): string[] {
  if (MANAGERS.includes(slice.metadata.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '')) return [];
  return (slice.endpoints ?? []).flatMap((endpoint, index) => (endpoint.addresses ?? [])
    .flatMap((address, at) => ipWarnings(`endpoints[${index}].addresses[${at}]`, address)));
}

export const endpointSliceDefinition: ResourceDefinition<EndpointSlice> = {
  resource: endpointslices,
  schema: 'discovery/v1.EndpointSlice',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultSlice,
    prepareForCreate: (slice, context) => {
      slice.metadata.generation = 1;
      dropNodeHints(slice, undefined, context);
      dropTopology(slice, undefined);
    },
    prepareForUpdate: (slice, old, context) => {
      const { metadata, ...content } = slice;
      const { metadata: oldMeta, ...oldContent } = old;
      if (!semanticEqual(content, oldContent) || !semanticEqual(metadata.labels, oldMeta.labels)) metadata.generation = (oldMeta.generation ?? 0) + 1;
      dropNodeHints(slice, old, context);
      dropTopology(slice, old);
    },
    validateCreate: (slice) => faultsOf((faults) => {
      checkFinalizers(slice, faults);
      checkSlice(slice, faults);
      checkEndpoints(slice, faults);
    }),
    validateUpdate: (slice, old) => faultsOf((faults) => {
      checkMetaAgain(slice, faults, true);
      checkSlice(slice, faults);
      if (!semanticEqual(slice.endpoints, old.endpoints)) checkEndpoints(slice, faults);
      if (slice.addressType !== old.addressType) faults.invalid('addressType', slice.addressType, 'field is immutable');
    }),
    warningsOnCreate: (slice) => [
      ...(slice.addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : []),
      ...addressWarnings(slice),
    ],
    warningsOnUpdate: addressWarnings,
  },
  allowUnconditionalUpdate: true,
};
