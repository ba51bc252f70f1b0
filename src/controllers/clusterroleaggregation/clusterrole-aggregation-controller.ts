/** Fills cluster roles that have an aggregation rule with the rules of those they select. */
import { clusterroles, type ClusterRole, type PolicyRule } from '#api/generated/rbac/v1';
import type { Result } from '#client/reconcile/reconciler';
import { semanticEqual } from '#machinery/deep-equal';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const clusterRoleAggregationController: ControllerDefinition = {
  name: 'clusterrole-aggregation-controller',
  serviceAccount: 'clusterrole-aggregation-controller',
  make: makeController,
};

/** Each rule once, by the selectors' order and the roles' names. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const rules: PolicyRule[] = [];
  const sorted = [...all].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const requirements = labelSelectorOf(selector);
    for (const other of sorted) {
      if (other.metadata.name === role.metadata.name || !labelsMatch(requirements, other.metadata.labels)) continue;
      for (const rule of other.rules ?? []) if (!rules.some((known) => semanticEqual(known, rule))) rules.push(rule);
    }
  }
  return rules;
}

function makeController(context: ControllerContext): Controller {
  const all = context.informers.for(clusterroles);
  const loop = keyedLoop(context, { name: 'ClusterRoleAggregator', informers: [all] as const, workers: context.options.concurrentSyncs, reconcile });
  const wakeAll = (): void => { for (const role of all.list()) if (role.aggregationRule !== undefined) loop.enqueue(role); };
  all.addHandlers({ onAdd: wakeAll, onUpdate: wakeAll, onDelete: wakeAll });

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const role = all.get(name);
    if (role?.aggregationRule === undefined) return;
    const rules = aggregatedRules(role, all.list());
    if (semanticEqual(rules, role.rules ?? [])) return;
    const applied = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules };
    loop.writes.wrote(name, all, await context.client.for(clusterroles).patch(name, 'application/apply-patch+yaml', applied, { fieldManager: 'clusterrole-aggregation-controller', force: true, signal }));
  }

  return { run: loop.run };
}
