/** Nodes as a resource. */
import { nodes, type Node } from '#api/generated/core/v1';
import { cidrWarnings } from '#machinery/validation/ip';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { keepFields } from '../../rules/status-reset.ts';
import { roundUpResources } from '../../rules/resource-lists.ts';
import { checkNode, checkNodeUpdate } from './validation.ts';

function defaultNode(node: Node): void {
  const { status, spec } = node;
  // Old clients know podCIDR only: where the two differ, it wins.
  if (spec?.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  if (spec?.podCIDRs?.length) spec.podCIDR = spec.podCIDRs[0]!;
  if (status && !status.allocatable && status.capacity) status.allocatable = { ...status.capacity };
  roundUpResources(status?.capacity);
  roundUpResources(status?.allocatable);
}

/** Configuration by config map was removed; what is stored may stay. */
function dropConfig(node: Node, old: Node | undefined, context: { featureEnabled(gate: string): boolean }): void {
  if (!old?.spec?.configSource) delete node.spec?.configSource;
  if (!old) delete node.status?.config;
  if (!context.featureEnabled('NodeDeclaredFeatures') && old?.status?.declaredFeatures === undefined) delete node.status?.declaredFeatures;
}

function warnings({ spec = {} }: Node): string[] {
  return [
    ...(spec.configSource ? ['spec.configSource: the feature is removed'] : []),
    ...(spec.externalID ? ['spec.externalID: this field is deprecated, and is unused by Kubernetes'] : []),
    ...(spec.podCIDRs ?? []).flatMap((cidr, index) => cidrWarnings(`spec.podCIDRs[${index}]`, cidr)),
  ];
}

export const nodeDefinition: ResourceDefinition<Node> = {
  resource: nodes,
  schema: 'core/v1.Node',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultNode,
    prepareForCreate: (node, context) => dropConfig(node, undefined, context),
    prepareForUpdate: (node, old, context) => {
      keepFields(node, old, 'status');
      dropConfig(node, old, context);
    },
    validateCreate: (node) => faultsOf((faults) => {
      checkFinalizers(node, faults);
      checkNode(node, faults);
    }),
    validateUpdate: (node, old) => faultsOf((faults) => {
      checkMetaAgain(node, faults, false);
      checkNode(node, faults);
      checkMetaOnUpdate(node, old, faults);
      checkNodeUpdate(node, old, faults);
    }),
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  statusStrategy: {
    prepareForUpdate: (node, old) => {
      keepFields(node, old, 'spec');
      if (!old.status?.config) delete node.status?.config;
    },
    validateUpdate: (node, old) => faultsOf((faults) => {
      checkMetaOnUpdate(node, old, faults);
      checkNodeUpdate(node, old, faults);
    }),
  },
  allowUnconditionalUpdate: true,
  selectableFieldNames: ['spec.unschedulable'],
  selectableFields: (node) => ({ 'spec.unschedulable': String(node.spec?.unschedulable ?? false) }),
};
