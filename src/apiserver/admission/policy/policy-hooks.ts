/** Policies with their bindings, in the order of their names. A policy that nothing binds does nothing. */
import type { MatchResources as ApiMatchResources, ParamKind, ParamRef } from '#api/generated/admissionregistration/v1';
import type { Informer } from '#client/informer-contract';
import type { KubeObject } from '#machinery/meta';

export interface Policy extends KubeObject { readonly spec?: { readonly paramKind?: ParamKind; readonly matchConstraints?: ApiMatchResources; readonly failurePolicy?: string } }
export interface Binding extends KubeObject { readonly spec?: { readonly policyName?: string; readonly paramRef?: ParamRef; readonly matchResources?: ApiMatchResources } }

export interface PolicyHook<P, B> { readonly policy: P; readonly bindings: readonly B[] }

export function policyHooks<P extends Policy, B extends Binding>(policies: Informer<P>, bindings: Informer<B>): () => readonly PolicyHook<P, B>[] {
  let known: readonly PolicyHook<P, B>[] | undefined;
  const forget = (): void => { known = undefined; };
  policies.addHandlers({ onAdd: forget, onUpdate: forget, onDelete: forget });
  bindings.addHandlers({ onAdd: forget, onUpdate: forget, onDelete: forget });
  return () => {
    known ??= find(policies.list(), bindings.list());
    return known;
  };
}

function find<P extends Policy, B extends Binding>(policies: readonly P[], bindings: readonly B[]): PolicyHook<P, B>[] {
  const byPolicy = new Map<string, B[]>();
  for (const binding of [...bindings].sort(byName)) {
    const policy = binding.spec?.policyName ?? '';
    const own = byPolicy.get(policy) ?? [];
    byPolicy.set(policy, own);
    own.push(binding);
  }
  return [...policies].sort(byName).flatMap((policy) => {
    const own = byPolicy.get(policy.metadata.name!);
    return own === undefined ? [] : [{ policy, bindings: own }];
  });
}

function byName(a: KubeObject, b: KubeObject): number { return a.metadata.name! < b.metadata.name! ? -1 : 1; }
