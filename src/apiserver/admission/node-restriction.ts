/**
 * Holds kubelets to their own: their own Node (and of its labels only those a kubelet sets), mirror pods on themselves, status and
 * eviction of their own pods, tokens for their own pods, their own lease, CSINode and resource slices.
 *
 * The Node authorizer decides by names; this plugin sees the objects.
 */
import type { TokenRequest } from '#api/generated/authentication/v1';
import type { CertificateSigningRequest } from '#api/generated/certificates/v1';
import { nodes, type Node, type PersistentVolumeClaim, type Pod } from '#api/generated/core/v1';
import type { ResourceSlice } from '#api/generated/resource/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { quote } from '#machinery/go-print';
import { newNotFound } from '#machinery/status-error';
import { parseSigningRequest } from '#pki/signing-request';
import { nodeIdentity } from '../authn/groups.ts';
import { lookup, type AdmissionDependencies } from './dependencies.ts';
import { apiReference } from './mirror-pod-references.ts';
import { isForbiddenNodeLabel } from './node-labels.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';
import { refused } from './refusal.ts';
import { audienceFault } from './token-audience.ts';
import { findPod } from './find-pod.ts';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

export function nodeRestriction(dependencies: AdmissionDependencies): AdmissionPlugin {
  const podOf = async (attributes: AdmissionAttributes, name: string): Promise<Pod> => {
    const pod = await findPod(dependencies, attributes.namespace, name, attributes.signal);
    if (pod === undefined) throw newNotFound('', 'pod', name);
    return pod;
  };

  async function pods(node: string, attributes: AdmissionAttributes): Promise<void> {
    const { operation, subresource, name } = attributes;
    if (subresource === 'status') { podStatus(node, attributes); return; }
    if (subresource === 'eviction') {
      if (operation !== 'CREATE') throw refused(attributes, `unexpected operation ${operation}`);
      const podName = name === '' ? attributes.object?.metadata.name ?? '' : name;
      if (podName === '') throw refused(attributes, 'could not determine pod from request data');
      if ((await podOf(attributes, podName)).spec?.nodeName !== node) throw refused(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`);
      return;
    }
    if (subresource !== '') throw refused(attributes, `unexpected pod subresource ${quote(subresource)}, only 'status' and 'eviction' are allowed`);
    if (operation === 'CREATE') { await mirrorPod(node, attributes); return; }
    if (operation !== 'DELETE') throw refused(attributes, `unexpected operation ${quote(operation)}, node ${quote(node)} can only create and delete mirror pods`);
    if ((await podOf(attributes, name)).spec?.nodeName !== node) throw refused(attributes, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
  }

  async function mirrorPod(node: string, attributes: AdmissionAttributes): Promise<void> {
    const pod = attributes.object as Pod;
    const me = `node ${quote(node)}`;
    if (pod.metadata.annotations?.[MIRROR_ANNOTATION] === undefined) {
      throw refused(attributes, `pod does not have ${quote(MIRROR_ANNOTATION)} annotation, ${me} can only create mirror pods`);
    }
    if (pod.spec?.nodeName !== node) throw refused(attributes, `${me} can only create pods with spec.nodeName set to itself`);
    const owners = pod.metadata.ownerReferences ?? [];
    if (owners.length > 1) throw refused(attributes, `${me} can only create pods with a single owner reference set to itself`);
    const owner = owners[0];
    if (owner === undefined || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
      throw refused(attributes, `${me} can only create pods with an owner reference set to itself`);
    }
    if (owner.controller !== true) throw refused(attributes, `${me} can only create pods with a controller owner reference set to itself`);
    if (owner.blockOwnerDeletion === true) throw refused(attributes, `${me} must not set blockOwnerDeletion on an owner reference`);
    const own = await lookup(dependencies, nodes, node, undefined, attributes.signal);
    if (own === undefined) throw newNotFound('', 'node', node);
    if (owner.uid !== own.metadata.uid) throw refused(attributes, `node ${node} UID mismatch: expected ${owner.uid} got ${own.metadata.uid}`);
    const named = apiReference(pod);
    if (named !== undefined) throw refused(attributes, `${me} can not create pods that reference ${named}`);
  }

  async function tokens(node: string, attributes: AdmissionAttributes): Promise<void> {
    if (attributes.operation !== 'CREATE' || attributes.subresource !== 'token') return;
    const { spec } = attributes.object as TokenRequest;
    const bound = spec?.boundObjectRef;
    if (bound?.apiVersion !== 'v1' || bound.kind !== 'Pod' || !bound.name) throw refused(attributes, 'node requested token not bound to a pod');
    if (!bound.uid) throw refused(attributes, 'node requested token with a pod binding without a uid');
    const pod = await podOf(attributes, bound.name);
    if (bound.uid !== pod.metadata.uid) {
      throw refused(attributes, `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`);
    }
    if (pod.spec?.nodeName !== node) throw refused(attributes, 'node requested token bound to a pod scheduled on a different node');
    const fault = await audienceFault(spec?.audiences ?? [], pod, attributes, dependencies);
    if (fault !== undefined) throw refused(attributes, fault);
  }

  return {
    name: 'NodeRestriction',
    async admit(attributes) {
      const { isNode, nodeName } = nodeIdentity(attributes.user);
      if (!isNode || attributes.operation === 'CONNECT') return;
      if (nodeName === '') throw refused(attributes, `could not determine node from user ${quote(attributes.user.name)}`);
      switch (`${attributes.info.group}/${attributes.info.resource}`) {
        case '/pods': return pods(nodeName, attributes);
        case '/nodes': return ownNode(nodeName, attributes);
        case '/persistentvolumeclaims': return claimStatus(nodeName, attributes);
        case '/serviceaccounts': return tokens(nodeName, attributes);
        case 'coordination.k8s.io/leases': return ownLease(nodeName, attributes);
        case 'storage.k8s.io/csinodes': return ownName(nodeName, attributes, 'can only access CSINode with the same name as the requesting node');
        case 'resource.k8s.io/resourceslices': return ownSlice(nodeName, attributes);
        case 'certificates.k8s.io/certificatesigningrequests': return ownCertificate(nodeName, attributes);
        default: return undefined;
      }
    },
  };
}

function podStatus(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'UPDATE') throw refused(attributes, `unexpected operation ${quote(attributes.operation)}`);
  const pod = attributes.object as Pod;
  const old = attributes.oldObject as Pod;
  const me = `node ${quote(node)}`;
  if (old.spec?.nodeName !== node) throw refused(attributes, `${me} can only update pod status for pods with spec.nodeName set to itself`);
  if (!semanticEqual(pod.metadata.labels ?? {}, old.metadata.labels ?? {})) throw refused(attributes, `${me} cannot update labels through pod status`);
  if (!semanticEqual(pod.status?.resourceClaimStatuses ?? [], old.status?.resourceClaimStatuses ?? [])) throw refused(attributes, `${me} cannot update resource claim statues`);
  if (!semanticEqual(pod.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus)) {
    throw refused(attributes, `${me} cannot update extended resource claim status`);
  }
}

function ownNode(node: string, attributes: AdmissionAttributes): void {
  const { name, operation } = attributes;
  if (name !== node) throw refused(attributes, `node ${quote(node)} is not allowed to modify node ${quote(name)}`);
  const wanted = attributes.object as Node | undefined;
  if (operation === 'CREATE') {
    if (wanted!.spec?.configSource !== undefined) throw refused(attributes, `node ${quote(node)} is not allowed to create pods with a non-nil configSource`);
    const labels = Object.keys(wanted!.metadata.labels ?? {}).filter((label) => isForbiddenNodeLabel(label, operation)).sort();
    if (labels.length > 0) throw refused(attributes, `node ${quote(node)} is not allowed to set the following labels: ${labels.join(', ')}`);
  }
  if (operation !== 'UPDATE') return;
  const old = attributes.oldObject as Node;
  if (wanted!.spec?.configSource !== undefined && !semanticEqual(wanted!.spec.configSource, old.spec?.configSource)) {
    throw refused(attributes, `node ${quote(node)} is not allowed to update configSource to a new non-nil configSource`);
  }
  if (!semanticEqual(wanted!.spec?.taints ?? [], old.spec?.taints ?? [])) throw refused(attributes, `node ${quote(node)} is not allowed to modify taints`);
  if (!semanticEqual(wanted!.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])) throw refused(attributes, `node ${quote(node)} is not allowed to modify ownerReferences`);
  const after = wanted!.metadata.labels ?? {};
  const before = old.metadata.labels ?? {};
  const changed = [...new Set([...Object.keys(after), ...Object.keys(before)])].filter((label) => after[label] !== before[label]);
  const forbidden = changed.filter((label) => isForbiddenNodeLabel(label, operation)).sort();
  if (forbidden.length > 0) throw refused(attributes, `is not allowed to modify labels: ${forbidden.join(', ')}`);
}

function claimStatus(node: string, attributes: AdmissionAttributes): void {
  if (attributes.subresource !== 'status') throw refused(attributes, 'may only update PVC status');
  if (attributes.operation !== 'UPDATE') throw refused(attributes, `unexpected operation ${quote(attributes.operation)}`);
  const comparable = ({ metadata, status, ...rest }: PersistentVolumeClaim): object => {
    const { resourceVersion: _revision, managedFields: _managed, ...meta } = metadata;
    const { capacity: _capacity, conditions: _conditions, allocatedResources: _allocated, allocatedResourceStatuses: _statuses, ...left } = status ?? {};
    return { ...rest, metadata: meta, status: left };
  };
  const wanted = comparable(attributes.object as PersistentVolumeClaim);
  const old = comparable(attributes.oldObject as PersistentVolumeClaim);
  if (semanticEqual(wanted, old)) return;
  throw refused(attributes, `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions: the claim was changed elsewhere`);
}

function ownName(node: string, attributes: AdmissionAttributes, text: string): void {
  const name = attributes.operation === 'CREATE' ? attributes.object?.metadata.name : attributes.name;
  if (name !== node) throw refused(attributes, text);
}

function ownLease(node: string, attributes: AdmissionAttributes): void {
  if (attributes.namespace !== 'kube-node-lease') throw refused(attributes, 'can only access leases in the "kube-node-lease" system namespace');
  ownName(node, attributes, 'can only access node lease with the same name as the requesting node');
}

function ownSlice(node: string, attributes: AdmissionAttributes): void {
  const nodeOf = (slice: ResourceSlice | undefined): string | undefined => slice?.spec.nodeName;
  if (attributes.operation === 'CREATE' && nodeOf(attributes.object as ResourceSlice) !== node) {
    throw refused(attributes, 'can only create ResourceSlice with the same NodeName as the requesting node');
  }
  if (attributes.operation === 'DELETE' && nodeOf(attributes.oldObject as ResourceSlice) !== node) {
    throw refused(attributes, 'can only delete ResourceSlice with the same NodeName as the requesting node');
  }
}

const NODE_SIGNERS: ReadonlySet<string> = new Set(['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']);

function ownCertificate(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'CREATE') return;
  const { spec } = attributes.object as CertificateSigningRequest;
  if (!NODE_SIGNERS.has(spec.signerName)) return;
  let commonName: string;
  try {
    commonName = parseSigningRequest(Buffer.from(spec.request, 'base64').toString('latin1')).subject.commonName;
  } catch (error) {
    throw refused(attributes, `unable to parse csr: ${(error as Error).message}`);
  }
  if (commonName !== `system:node:${node}`) throw refused(attributes, 'can only create a node CSR with CN=' + `system:node:${node}`);
}
