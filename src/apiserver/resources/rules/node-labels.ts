/** Warnings about node labels that have successors, wherever objects select nodes. */
import type { NodeSelectorTerm } from '#api/generated/core/v1';
import type { LabelSelector } from '#machinery/meta';
import { labelValueFaults } from '#machinery/names';

const DEPRECATED_LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};

export function deprecatedNodeLabelText(key: string): string | undefined {
  return Object.hasOwn(DEPRECATED_LABELS, key) ? DEPRECATED_LABELS[key] : undefined;
}

export function nodeSelectorTermWarnings(term: NodeSelectorTerm, checkValues: boolean, place: string): string[] {
  return (term.matchExpressions ?? []).flatMap((expression, index) => {
    const text = deprecatedNodeLabelText(expression.key);
    const at = `${place}.matchExpressions[${index}]`;
    const values = checkValues ? (expression.values ?? []) : [];
    return [
      ...(text ? [`${at}.key: ${expression.key} is ${text}`] : []),
      ...values.flatMap((value, valueIndex) => labelValueFaults(value).map((fault) => `${at}.values[${valueIndex}]: ${value} is invalid, ${fault}`)),
    ];
  });
}

export function nodeLabelSelectorWarnings(selector: LabelSelector | undefined, place: string): string[] {
  const warnings: string[] = [];
  for (const [index, { key }] of (selector?.matchExpressions ?? []).entries()) {
    const text = deprecatedNodeLabelText(key);
    if (text) warnings.push(`${place}.matchExpressions[${index}].key: ${key} is ${text}`);
  }
  for (const key of Object.keys(selector?.matchLabels ?? {})) {
    const text = deprecatedNodeLabelText(key);
    if (text) warnings.push(`${place}.matchLabels.${key}: ${text}`);
  }
  return warnings;
}
