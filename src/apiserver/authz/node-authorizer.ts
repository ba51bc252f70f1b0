/**
 * What kubelets may do: read what their own pods need, report about themselves, nothing of other nodes.
 *
 * Objects are checked against the node graph, by name; writes whose object only admission can see (creating the own Node,
 * mirror pods, leases) are allowed here and narrowed by the NodeRestriction plugin. The rest are uniform rules.
 */
import type { PolicyRule } from '#api/generated/rbac/v1';
import { nodeIdentity } from '../authn/groups.ts';
import { quote } from '#machinery/go-print';
import { NO_OPINION, type AuthorizationAttributes, type Authorizer, type Decision } from './authorizer.ts';
import type { NodeGraph, NodeRelated } from './node-graph.ts';
import { ruleAllows } from './rule-match.ts';

const ALLOW: Decision = { decision: 'allow', reason: '' };
const no = (reason: string): Decision => ({ decision: 'no-opinion', reason });

type Judged = Decision | Promise<Decision>;
type Judge = (node: string, attributes: AuthorizationAttributes, graph: NodeGraph) => Judged;

export function nodeAuthorizer(graph: NodeGraph, nodeRules: readonly PolicyRule[]): Authorizer {
  return {
    name: 'Node',
    authorize(attributes) {
      const { isNode, nodeName } = nodeIdentity(attributes.user);
      if (!isNode) return NO_OPINION;
      if (nodeName === '') return no(`unknown node for user ${quote(attributes.user.name)}`);
      const judge = attributes.isResourceRequest ? JUDGES[`${attributes.group}/${attributes.resource}`] : undefined;
      if (judge !== undefined) return judge(nodeName, attributes, graph);
      return nodeRules.some((rule) => ruleAllows(rule, attributes)) ? ALLOW : NO_OPINION;
    },
  };
}

const JUDGES: Readonly<Record<string, Judge>> = {
  '/secrets': (node, attributes, graph) => readNamed(node, 'secret', attributes, graph),
  '/configmaps': (node, attributes, graph) => readNamed(node, 'configmap', attributes, graph),
  '/persistentvolumeclaims': claims,
  '/persistentvolumes': (node, attributes, graph) => getOnly(node, 'volume', attributes, graph),
  '/serviceaccounts': accounts,
  '/nodes': nodes,
  '/pods': pods,
  'resource.k8s.io/resourceclaims': (node, attributes, graph) => getOnly(node, 'resourceclaim', attributes, graph),
  'resource.k8s.io/resourceslices': slices,
  'storage.k8s.io/volumeattachments': (node, attributes, graph) => getOnly(node, 'attachment', attributes, graph),
  'storage.k8s.io/csinodes': csiNodes,
  'coordination.k8s.io/leases': leases,
  'certificates.k8s.io/podcertificaterequests': () => NO_OPINION,
};

function related(node: string, type: NodeRelated, { namespace, name }: AuthorizationAttributes, graph: NodeGraph): Judged {
  if (name === '') return no('No Object name found');
  const decide = (isRelated: boolean): Decision => (isRelated ? ALLOW : no(`no relationship found between node '${node}' and this object`));
  const found = graph.isRelated(node, type, namespace, name);
  return typeof found === 'boolean' ? decide(found) : found.then(decide);
}

function readNamed(node: string, type: NodeRelated, attributes: AuthorizationAttributes, graph: NodeGraph): Judged {
  if (!['get', 'list', 'watch'].includes(attributes.verb)) return no('can only read resources of this type');
  if (attributes.subresource !== '') return no('cannot read subresource');
  if (attributes.namespace === '') return no('can only read namespaced object of this type');
  return related(node, type, attributes, graph);
}

function getOnly(node: string, type: NodeRelated, attributes: AuthorizationAttributes, graph: NodeGraph): Judged {
  if (attributes.verb !== 'get') return no('can only get individual resources of this type');
  if (attributes.subresource !== '') return no('cannot get subresource');
  return related(node, type, attributes, graph);
}

function claims(node: string, attributes: AuthorizationAttributes, graph: NodeGraph): Judged {
  if (attributes.subresource !== 'status') return getOnly(node, 'claim', attributes, graph);
  if (attributes.verb !== 'update' && attributes.verb !== 'patch') return no('can only get/update/patch this type');
  return related(node, 'claim', attributes, graph);
}

function accounts(node: string, attributes: AuthorizationAttributes, graph: NodeGraph): Judged {
  if (attributes.verb === 'get' && attributes.subresource === '') return readNamed(node, 'serviceaccount', attributes, graph);
  if (attributes.verb !== 'create' || attributes.name === '') return no('can only create tokens for individual service accounts');
  if (attributes.subresource !== 'token') return no('can only create token subresource of serviceaccount');
  return related(node, 'serviceaccount', attributes, graph);
}

function nodes(node: string, { subresource, verb, name }: AuthorizationAttributes): Decision {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : NO_OPINION;
  if (subresource !== '') return NO_OPINION;
  if (['create', 'update', 'patch'].includes(verb)) return ALLOW;
  if (!['get', 'list', 'watch'].includes(verb)) return NO_OPINION;
  if (name === node) return ALLOW;
  return no(name === '' ? `node '${node}' cannot read all nodes, only its own Node object` : `node '${node}' cannot read '${name}', only its own Node object`);
}

function pods(node: string, attributes: AuthorizationAttributes, graph: NodeGraph): Judged {
  const { subresource, verb } = attributes;
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : NO_OPINION;
  if (subresource === 'eviction') return verb === 'create' ? ALLOW : NO_OPINION;
  if (subresource !== '') return NO_OPINION;
  switch (verb) {
    case 'get': return getOnly(node, 'pod', attributes, graph);
    case 'create':
    case 'delete': return ALLOW;
    case 'list':
    case 'watch':
      if (selects(attributes.fieldSelector, 'spec.nodeName', node)) return ALLOW;
      if (attributes.name !== '') return related(node, 'pod', attributes, graph);
      return no('can only list/watch pods with spec.nodeName field selector');
    default: return NO_OPINION;
  }
}

function leases(node: string, { verb, namespace, name }: AuthorizationAttributes): Decision {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) return no('can only get, create, update, patch, or delete a node lease');
  if (namespace !== 'kube-node-lease') return no('can only access leases in the "kube-node-lease" system namespace');
  return verb === 'create' || name === node ? ALLOW : no('can only access node lease with the same name as the requesting node');
}

function csiNodes(node: string, { verb, subresource, name }: AuthorizationAttributes): Decision {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) return no('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return no('cannot authorize CSINode subresources');
  return verb === 'create' || name === node ? ALLOW : no('can only access CSINode with the same name as the requesting node');
}

function slices(node: string, attributes: AuthorizationAttributes, graph: NodeGraph): Judged {
  if (attributes.subresource !== '') return no('cannot authorize ResourceSlice subresources');
  switch (attributes.verb) {
    case 'create': return ALLOW;
    case 'get':
    case 'update':
    case 'patch':
    case 'delete': return related(node, 'slice', attributes, graph);
    case 'list':
    case 'watch':
    case 'deletecollection':
      return selects(attributes.fieldSelector, 'spec.nodeName', node) ? ALLOW : no('can only list/watch/deletecollection resourceslices with nodeName field selector');
    default:
      return no('only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection');
  }
}

/** The selector demands exactly this value; further demands only narrow it. */
function selects(selector: string | undefined, field: string, value: string): boolean {
  return (selector ?? '').split(',').some((part) => {
    const term = part.trim();
    return term === `${field}=${value}` || term === `${field}==${value}`;
  });
}
