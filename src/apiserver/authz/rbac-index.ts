/**
 * Roles and bindings by the questions asked of them: which bindings name this user or one of his groups, and what do they grant.
 *
 * Kept current by informers, one object at a time: a decision looks at the bindings of its own user and groups only, never
 * at all of them. Roles are resolved at the question, so that a role may come after its binding.
 */
import {
  clusterrolebindings, clusterroles, rolebindings, roles,
  type ClusterRoleBinding, type PolicyRule, type RoleBinding, type RoleRef, type Subject,
} from '#api/generated/rbac/v1';
import type { Informer, InformerFactory } from '#client/informer-contract';
import type { KubeObject } from '#machinery/meta';
import { quote } from '#machinery/go-print';
import type { UserInfo } from '../request.ts';
import { serviceAccountUser } from '../authn/groups.ts';

interface Grant { readonly binding: ClusterRoleBinding | RoleBinding; readonly subject: Subject }

/** Subject key (`u` or `g` before the name) → grants. */
type GrantsBySubject = Map<string, Grant[]>;

const NO_RULES: readonly PolicyRule[] = [];

export class RbacIndex {
  readonly #clusterRules = new Map<string, readonly PolicyRule[]>();
  /** `namespace/name`. */
  readonly #rules = new Map<string, readonly PolicyRule[]>();
  readonly #clusterGrants: GrantsBySubject = new Map();
  readonly #grants = new Map<string, GrantsBySubject>();
  #informers: readonly Informer<KubeObject>[] = [];

  /** Follows the four resources. Removed objects and changes are taken up as the informers tell them. */
  follow(informers: InformerFactory): void {
    const key = (object: KubeObject): string => `${object.metadata.namespace}/${object.metadata.name}`;
    const clusterRoleInformer = informers.for(clusterroles);
    const roleInformer = informers.for(roles);
    const clusterBindingInformer = informers.for(clusterrolebindings);
    const bindingInformer = informers.for(rolebindings);
    clusterRoleInformer.addHandlers({
      onAdd: (role) => { this.#clusterRules.set(role.metadata.name!, role.rules ?? NO_RULES); },
      onUpdate: (_old, role) => { this.#clusterRules.set(role.metadata.name!, role.rules ?? NO_RULES); },
      onDelete: (role) => { this.#clusterRules.delete(role.metadata.name!); },
    });
    roleInformer.addHandlers({
      onAdd: (role) => { this.#rules.set(key(role), role.rules ?? NO_RULES); },
      onUpdate: (_old, role) => { this.#rules.set(key(role), role.rules ?? NO_RULES); },
      onDelete: (role) => { this.#rules.delete(key(role)); },
    });
    clusterBindingInformer.addHandlers({
      onAdd: (binding) => add(this.#clusterGrants, binding, ''),
      onUpdate: (old, binding) => { remove(this.#clusterGrants, old, ''); add(this.#clusterGrants, binding, ''); },
      onDelete: (binding) => remove(this.#clusterGrants, binding, ''),
    });
    bindingInformer.addHandlers({
      onAdd: (binding) => add(this.#namespaceGrants(binding), binding, binding.metadata.namespace!),
      onUpdate: (old, binding) => {
        remove(this.#namespaceGrants(old), old, old.metadata.namespace!);
        add(this.#namespaceGrants(binding), binding, binding.metadata.namespace!);
      },
      onDelete: (binding) => remove(this.#namespaceGrants(binding), binding, binding.metadata.namespace!),
    });
    this.#informers = [clusterRoleInformer, roleInformer, clusterBindingInformer, bindingInformer] as unknown as Informer<KubeObject>[];
  }

  async whenSynced(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer.whenSynced(signal)));
  }

  #namespaceGrants(binding: RoleBinding): GrantsBySubject {
    const namespace = binding.metadata.namespace!;
    let grants = this.#grants.get(namespace);
    if (grants === undefined) this.#grants.set(namespace, grants = new Map());
    return grants;
  }

  /**
   * Visits every rule the user has in the namespace ('' for cluster scope), cluster-wide ones first, until `visit` says stop (true).
   * @returns what could not be resolved (bindings to missing roles).
   */
  visitRules(user: UserInfo, namespace: string, visit: (rule: PolicyRule, source: () => string) => boolean): string[] {
    const errors: string[] = [];
    if (this.#visitGrants(this.#clusterGrants, user, '', visit, errors)) return errors;
    const local = namespace === '' ? undefined : this.#grants.get(namespace);
    if (local !== undefined) this.#visitGrants(local, user, namespace, visit, errors);
    return errors;
  }

  #visitGrants(grants: GrantsBySubject, user: UserInfo, namespace: string, visit: (rule: PolicyRule, source: () => string) => boolean, errors: string[]): boolean {
    const seen = new Set<Grant['binding']>();
    const keys = [`u${user.name}`, ...user.groups.map((group) => `g${group}`)];
    for (const key of keys) {
      for (const grant of grants.get(key) ?? []) {
        if (seen.has(grant.binding)) continue;
        seen.add(grant.binding);
        const rules = this.roleRules(grant.binding.roleRef, namespace);
        if (typeof rules === 'string') { errors.push(rules); continue; }
        for (const rule of rules) if (visit(rule, () => describe(grant, namespace))) return true;
      }
    }
    return false;
  }

  /** The rules of a role, or why there are none. */
  roleRules(ref: RoleRef, namespace: string): readonly PolicyRule[] | string {
    if (ref.kind === 'ClusterRole') {
      return this.#clusterRules.get(ref.name) ?? `clusterrole.rbac.authorization.k8s.io ${quote(ref.name)} not found`;
    }
    if (ref.kind === 'Role') return this.#rules.get(`${namespace}/${ref.name}`) ?? `role.rbac.authorization.k8s.io ${quote(ref.name)} not found`;
    return `unsupported role reference kind: ${quote(ref.kind)}`;
  }

  rulesFor(user: UserInfo, namespace: string): { rules: PolicyRule[]; errors: string[] } {
    const rules: PolicyRule[] = [];
    const errors = this.visitRules(user, namespace, (rule) => { rules.push(rule); return false; });
    return { rules, errors };
  }
}

function subjectKey(subject: Subject, namespace: string): string | undefined {
  switch (subject.kind) {
    case 'User': return `u${subject.name}`;
    case 'Group': return `g${subject.name}`;
    case 'ServiceAccount': {
      const home = subject.namespace === undefined || subject.namespace === '' ? namespace : subject.namespace;
      return home === '' ? undefined : `u${serviceAccountUser(home, subject.name)}`;
    }
    default: return undefined;
  }
}

function add(grants: GrantsBySubject, binding: Grant['binding'], namespace: string): void {
  for (const subject of binding.subjects ?? []) {
    const key = subjectKey(subject, namespace);
    if (key === undefined) continue;
    const list = grants.get(key);
    if (list === undefined) grants.set(key, [{ binding, subject }]);
    else list.push({ binding, subject });
  }
}

function remove(grants: GrantsBySubject, binding: Grant['binding'], namespace: string): void {
  for (const subject of binding.subjects ?? []) {
    const key = subjectKey(subject, namespace);
    const list = key === undefined ? undefined : grants.get(key);
    if (key === undefined || list === undefined) continue;
    const left = list.filter((grant) => grant.binding.metadata.name !== binding.metadata.name);
    if (left.length === 0) grants.delete(key);
    else grants.set(key, left);
  }
}

function describe({ binding, subject }: Grant, namespace: string): string {
  const { name = '' } = binding.metadata;
  const to = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ?? namespace}` : subject.name;
  const what = namespace === '' ? `ClusterRoleBinding ${quote(name)}` : `RoleBinding ${quote(`${name}/${namespace}`)}`;
  return `${what} of ${binding.roleRef.kind} ${quote(binding.roleRef.name)} to ${subject.kind} ${quote(to)}`;
}
