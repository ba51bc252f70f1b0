/**
 * `pods/binding` and the old `bindings`: gives a pod its node, once.
 *
 * One atomic change: the pod must exist, have no node, no scheduling gates and not be going away. Labels and annotations of
 * the binding come along (the node's topology labels among them, put there by admission).
 */
import type { Binding, Pod } from '#api/generated/core/v1';
import type { Clock } from '#base/clock';
import { fieldErrorsText, notSupported, path, required, type FieldError } from '#machinery/field-error';
import { quote } from '#machinery/go-print';
import type { KubeObject } from '#machinery/meta';
import { newBadRequest, newConflict, newNotFound, newUnknownError } from '#machinery/status-error';
import { withCondition } from '#semantics/condition';
import type { DecisionContext, DecisionResource } from '../decision.ts';
import type { StoredObjects } from './stored-objects.ts';

export interface BindingOptions { readonly pods: StoredObjects<Pod>; readonly clock: Clock }

const SCHEMA = { group: '', version: 'v1', namespaced: true, kind: 'Binding', schema: 'core/v1.Binding', keepsSystemFields: true } as const;

export function podBinding(options: BindingOptions): DecisionResource<Binding> {
  return { ...SCHEMA, resource: 'pods', subresource: 'binding', create: (binding, context) => bind(binding, context.name, context, options) };
}

export function legacyBinding(options: BindingOptions): DecisionResource<Binding> {
  return { ...SCHEMA, resource: 'bindings', subresource: '', create: bindByBody };

  function bindByBody(binding: Binding, context: DecisionContext): Promise<KubeObject> {
    const name = binding.metadata.name ?? '';
    if (name === '') throw newBadRequest('Name parameter required.');
    return bind(binding, name, context, options);
  }
}

async function bind(binding: Binding, name: string, context: DecisionContext, { pods, clock }: BindingOptions): Promise<KubeObject> {
  if ((binding.metadata.name ?? '') !== name) throw newBadRequest('name in URL does not match name in Binding object');
  const faults = targetFaults(binding);
  if (faults.length > 0) throw newUnknownError(fieldErrorsText(faults));
  await context.validate(binding);
  await pods.change(context.namespace, name, (pod) => assigned(pod, binding, name, clock.now()), context);
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } as KubeObject;
}

function targetFaults({ target }: Binding): FieldError[] {
  const faults: FieldError[] = [];
  const kind = target?.kind ?? '';
  if (kind !== '' && kind !== 'Node') faults.push(notSupported(path('target', 'kind'), kind, ['Node', '<empty>']));
  if ((target?.name ?? '') === '') faults.push(required(path('target', 'name')));
  return faults;
}

function assigned(pod: Pod | undefined, { metadata, target }: Binding, name: string, nowMs: number): Pod {
  if (pod === undefined) throw newNotFound('', 'pods', name);
  const refuse = (text: string): never => { throw newConflict('', 'pods/binding', name, text); };
  const precondition = (label: string, wanted: string | undefined, actual: string | undefined): void => {
    if (wanted !== undefined && wanted !== '' && wanted !== actual) {
      throw newConflict('', 'pods', name, `StorageError: invalid object, Code: 4, Key: /registry/pods/${pod.metadata.namespace}/${name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${label} in precondition: ${wanted}, ${label} in object meta: ${actual ?? ''}`);
    }
  };
  precondition('UID', metadata.uid, pod.metadata.uid);
  precondition('ResourceVersion', metadata.resourceVersion, pod.metadata.resourceVersion);
  if (pod.metadata.deletionTimestamp !== undefined) refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if ((pod.spec?.nodeName ?? '') !== '') refuse(`pod ${name} is already assigned to node ${quote(pod.spec!.nodeName!)}`);
  if ((pod.spec?.schedulingGates ?? []).length > 0) refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  pod.spec = { ...pod.spec!, nodeName: target.name! };
  pod.metadata.annotations = merged(pod.metadata.annotations, metadata.annotations);
  pod.metadata.labels = merged(pod.metadata.labels, metadata.labels);
  if (pod.metadata.annotations === undefined) delete pod.metadata.annotations;
  if (pod.metadata.labels === undefined) delete pod.metadata.labels;
  const { nominatedNodeName: _nominated, ...status } = pod.status ?? {};
  pod.status = { ...status, conditions: withCondition(status.conditions, { type: 'PodScheduled', status: 'True', lastProbeTime: null as unknown as string }, nowMs) };
  return pod;
}

function merged(own: Record<string, string> | undefined, added: Record<string, string> | undefined): Record<string, string> | undefined {
  return added === undefined || Object.keys(added).length === 0 ? own : { ...own, ...added };
}
