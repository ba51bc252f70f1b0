/** Quota of services: their number, their node ports, their load balancers. */
import type { Service } from '#api/generated/core/v1';
import { newQuantity } from '#machinery/quantity';
import type { QuotaEvaluator } from './quota-evaluator.ts';

const RESOURCES = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers'];

export const serviceEvaluator: QuotaEvaluator = {
  handles: (_operation, subresource) => subresource === '',
  matchingResources: (names) => names.filter((name) => RESOURCES.includes(name)),
  matchesScope: () => false,
  usage(object) {
    const { spec } = object as Service;
    const ports = spec?.ports ?? [];
    const balanced = spec?.type === 'LoadBalancer';
    let nodePorts = spec?.type === 'NodePort' || balanced ? ports.length : 0;
    if (balanced && spec?.allocateLoadBalancerNodePorts === false) nodePorts = ports.filter(({ nodePort = 0 }) => nodePort !== 0).length;
    return {
      'count/services': newQuantity(1), services: newQuantity(1),
      'services.nodeports': newQuantity(nodePorts), 'services.loadbalancers': newQuantity(balanced ? 1 : 0),
    };
  },
};
