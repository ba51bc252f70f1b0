/**
 * The table of nodes.
 */
import type { Node } from '#api/generated/core/v1';
import type { TablePrinter } from '../definition.ts';
import { age, orNone } from './cells.ts';
import { AGE, column, NAME, wideColumn } from './columns.ts';

const ROLE_LABEL_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';

export const nodePrinter: TablePrinter<Node> = {
  columns: [
    NAME,
    column('Status', 'string', 'The status of the node'),
    column('Roles', 'string', 'The roles of the node'),
    AGE,
    column('Version', 'string', 'Version of the kubelet.'),
    wideColumn('Internal-IP', 'string', 'Address inside the cluster.'),
    wideColumn('External-IP', 'string', 'Address from outside.'),
    wideColumn('OS-Image', 'string', 'Name of the operating system, as it calls itself.'),
    wideColumn('Kernel-Version', 'string', 'Version of the kernel.'),
    wideColumn('Container-Runtime', 'string', 'Container runtime and its version.'),
  ],
  cells(node, nowMs) {
    const info = node.status?.nodeInfo;
    const kernel = orUnknown(info?.kernelVersion) + ((info?.architecture ?? '') === '' ? '' : ` (${info?.architecture})`);
    return [
      node.metadata.name, nodeStatus(node), orNone(roles(node).join(',')), age(node.metadata, nowMs), info?.kubeletVersion ?? '',
      address(node, 'InternalIP'), address(node, 'ExternalIP'), orUnknown(info?.osImage), kernel, orUnknown(info?.containerRuntimeVersion),
    ];
  },
};

function nodeStatus(node: Node): string {
  const ready = node.status?.conditions?.findLast((one) => one.type === 'Ready');
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable === true ? `${text},SchedulingDisabled` : text;
}

function roles(node: Node): string[] {
  const found = new Set<string>();
  for (const [label, value] of Object.entries(node.metadata.labels ?? {})) {
    if (label.startsWith(ROLE_LABEL_PREFIX)) found.add(label.slice(ROLE_LABEL_PREFIX.length));
    else if (label === ROLE_LABEL) found.add(value);
  }
  found.delete('');
  return [...found].sort();
}

function address(node: Node, type: string): string {
  return node.status?.addresses?.find((one) => one.type === type)?.address ?? '<none>';
}

function orUnknown(text: string | undefined): string {
  return text === undefined || text === '' ? '<unknown>' : text;
}
