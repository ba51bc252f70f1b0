/**
 * The flow schemas and priority levels of a fresh cluster, as upstream names and sizes them.
 *
 * Made when absent; one whose annotation says that it follows the defaults is brought back to them.
 */
import { flowschemas, prioritylevelconfigurations, type FlowSchema, type PolicyRulesWithSubjects, type PriorityLevelConfiguration } from '#api/generated/flowcontrol/v1';
import { rfc3339, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Client } from '#client/client';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceType } from '#machinery/meta';
import { isConflict, isNotFound } from '#machinery/status-error';
import { applyCondition, danglingCondition } from './dangling-schemas.ts';
import { ensure } from './system-objects.ts';

type Subjects = PolicyRulesWithSubjects['subjects'];
type LevelSpec = NonNullable<PriorityLevelConfiguration['spec']>;

const FOLLOWS_DEFAULTS = 'apf.kubernetes.io/autoupdate-spec';
const annotations = { [FOLLOWS_DEFAULTS]: 'true' };
/** They follow the defaults whatever they say. */
const MANDATORY: ReadonlySet<string> = new Set(['exempt', 'catch-all']);
const INTERVAL_MS = 60_000;
const EVERYONE = ['system:unauthenticated', 'system:authenticated'];

const groups = (...names: string[]): Subjects => names.map((name) => ({ kind: 'Group', group: { name } }));
const users = (...names: string[]): Subjects => names.map((name) => ({ kind: 'User', user: { name } }));
const KUBE_SYSTEM_ACCOUNTS: Subjects = [{ kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: 'kube-system' } }];

const ALL_RESOURCES = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true };
const ALL_URLS = { verbs: ['*'], nonResourceURLs: ['*'] };
const everything = (subjects: Subjects): PolicyRulesWithSubjects => ({ subjects, resourceRules: [ALL_RESOURCES], nonResourceRules: [ALL_URLS] });

function limited(shares: number, lendable: number, queuing?: readonly [queues: number, hand: number]): LevelSpec {
  const limitResponse = queuing === undefined ? { type: 'Reject' } : { type: 'Queue', queuing: { queues: queuing[0], handSize: queuing[1], queueLengthLimit: 50 } };
  return { type: 'Limited', limited: { nominalConcurrencyShares: shares, lendablePercent: lendable, limitResponse } };
}

const LEVELS: Readonly<Record<string, LevelSpec>> = {
  exempt: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  'catch-all': limited(5, 0),
  system: limited(30, 33, [64, 6]),
  'node-high': limited(40, 25, [64, 6]),
  'leader-election': limited(10, 0, [16, 4]),
  'workload-high': limited(40, 50, [128, 6]),
  'workload-low': limited(100, 90, [128, 6]),
  'global-default': limited(20, 50, [128, 6]),
};

const LEASES = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] };

const SCHEMAS: readonly (readonly [name: string, level: string, precedence: number, distinguisher: '' | 'ByUser' | 'ByNamespace', rules: PolicyRulesWithSubjects])[] = [
  ['exempt', 'exempt', 1, '', everything(groups('system:masters'))],
  ['catch-all', 'catch-all', 10_000, 'ByUser', everything(groups(...EVERYONE))],
  ['probes', 'exempt', 2, '', { subjects: groups(...EVERYONE), nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }] }],
  ['system-leader-election', 'leader-election', 100, 'ByUser', {
    subjects: [...users('system:kube-controller-manager', 'system:kube-scheduler'), ...KUBE_SYSTEM_ACCOUNTS], resourceRules: [{ verbs: ['get', 'create', 'update'], ...LEASES }],
  }],
  ['system-node-high', 'node-high', 400, 'ByUser', {
    subjects: groups('system:nodes'),
    resourceRules: [{ verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], namespaces: ['*'], clusterScope: true }, { verbs: ['*'], ...LEASES }],
  }],
  ['system-nodes', 'system', 500, 'ByUser', everything(groups('system:nodes'))],
  ['kube-controller-manager', 'workload-high', 800, 'ByNamespace', everything(users('system:kube-controller-manager'))],
  ['kube-scheduler', 'workload-high', 800, 'ByNamespace', everything(users('system:kube-scheduler'))],
  ['kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', everything(KUBE_SYSTEM_ACCOUNTS)],
  ['service-accounts', 'workload-low', 9_000, 'ByUser', everything(groups('system:serviceaccounts'))],
  ['global-default', 'global-default', 9_900, 'ByUser', everything(groups(...EVERYONE))],
];

/** Again and again, since anybody may change or delete them. */
export async function keepFlowControl({ client, clock, log }: { client: Client; clock: Clock; log: Logger }, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(INTERVAL_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await ensureFlowControl(client, rfc3339(clock.now()), signal);
    } catch (error) {
      // Whoever was faster made or changed it; the next time shows.
      if (!signal.aborted && !isConflict(error) && !isNotFound(error)) log.warn('Flow schemas and priority levels not restored', { error });
    }
  }
}

const PRODUCER = 'api-priority-and-fairness-config-producer-v1';

/** @param now RFC 3339 */
export async function ensureFlowControl(client: Client, now: string, signal: AbortSignal): Promise<void> {
  for (const [name, spec] of Object.entries(LEVELS)) {
    const level: PriorityLevelConfiguration = { metadata: { name, annotations }, spec };
    if (await ensure(client, prioritylevelconfigurations, level, signal, undefined, PRODUCER) === undefined) await revise(client, prioritylevelconfigurations, level, signal);
  }
  for (const [name, level, matchingPrecedence, distinguisher, rules] of SCHEMAS) {
    const schema: FlowSchema = {
      metadata: { name, annotations },
      spec: {
        priorityLevelConfiguration: { name: level }, matchingPrecedence, ...(distinguisher === '' ? {} : { distinguisherMethod: { type: distinguisher } }), rules: [rules],
      },
    };
    if (await ensure(client, flowschemas, schema, signal, undefined, PRODUCER) === undefined) await revise(client, flowschemas, schema, signal);
    else await applyCondition(client, name, danglingCondition(level, true, now), signal);
  }
}

/** Brings one that follows the defaults back to them, and has it say whether it does. */
async function revise<T extends FlowSchema | PriorityLevelConfiguration>(client: Client, resource: ResourceType<T>, wanted: T, signal: AbortSignal): Promise<void> {
  const name = wanted.metadata.name!;
  const current = await client.for(resource).get(name, { signal });
  const said = current.metadata.annotations?.[FOLLOWS_DEFAULTS];
  const follows = MANDATORY.has(name) || (said === undefined ? current.metadata.generation === 1 : said === 'true');
  const spec = follows && !isAsWanted(current, wanted) ? wanted.spec : current.spec;
  if (spec === current.spec && said === String(follows)) return;
  const metadata = { ...current.metadata, annotations: { ...current.metadata.annotations, [FOLLOWS_DEFAULTS]: String(follows) } };
  await client.for(resource).update({ ...current, metadata, spec }, { signal, fieldManager: PRODUCER });
}

/** How much the exempt level lends and counts for is free. */
function isAsWanted({ metadata, spec }: FlowSchema | PriorityLevelConfiguration, wanted: FlowSchema | PriorityLevelConfiguration): boolean {
  const expected = wanted.spec ?? {};
  if (metadata.name !== 'exempt' || !('exempt' in expected)) return semanticEqual(spec, expected);
  return spec !== undefined && 'exempt' in spec && semanticEqual({ ...spec, exempt: {} }, { ...expected, exempt: {} });
}
