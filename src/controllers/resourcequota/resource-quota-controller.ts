/**
 * Counts what namespaces use of their quotas: when a quota is new or changed, when something goes, and every few minutes.
 *
 * Creations are charged by admission; counting them here from a cache could undo a charge that the cache has not seen.
 */
import { persistentvolumeclaims, pods, resourcequotas, services, type ResourceQuota } from '#api/generated/core/v1';
import { resourceclaims } from '#api/generated/resource/v1';
import { discoverPreferred } from '#client/discovery';
import type { Informer, InformerOptions } from '#client/informer-contract';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { semanticEqual } from '#machinery/deep-equal';
import type { KubeObject, ResourceType } from '#machinery/meta';
import { formatQuantity, parseQuantity, ZERO_QUANTITY } from '#machinery/quantity';
import { isPodTerminal } from '#semantics/pod-state';
import { addAmounts, only, type Amounts } from '#semantics/quota/amounts';
import { quotaEvaluator } from '#semantics/quota/evaluator';
import { scopesOf } from '#semantics/quota/scope';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const resourceQuotaController: ControllerDefinition = {
  name: 'resourcequota-controller',
  serviceAccount: 'resourcequota-controller',
  make: makeController,
};

const DISCOVERY_FRESH_MS = 30_000;
/** Kinds that are counted by more than their number. */
const WHOLE: readonly ResourceType[] = [pods, services, persistentvolumeclaims, resourceclaims] as readonly ResourceType[];
const ALIASES = ['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas'];
const COUNT = /^count\/([^.]+)(?:\.(.+))?$/;

/** Secrets and others are only counted: nothing of them is kept but their names. */
function nameOnly(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return { metadata: { name: name!, ...(namespace !== undefined && { namespace }), uid: uid!, resourceVersion: resourceVersion! } };
}
const NARROW: InformerOptions<KubeObject> = { transform: nameOnly };

interface Source { readonly group: string; readonly resource: string; readonly informer: Informer<KubeObject> }

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers, log } = context;
  const all = informers.for(resourcequotas);
  const sources = new Map<string, Source>();
  let known = new Map<string, ResourceType>();
  let discoveredMs = -Infinity;
  const loop = keyedLoop(context, { name: 'resourcequota_primary', informers: [all] as const, workers: context.options.concurrentSyncs, reconcile });
  all.addHandlers({
    onAdd: loop.enqueue,
    onUpdate(old, current) { if (!semanticEqual(old.spec, current.spec) || !semanticEqual(current.status?.hard, current.spec?.hard)) loop.enqueue(current); },
  });
  const wake = (object: KubeObject): void => { for (const quota of all.list(object.metadata.namespace)) loop.enqueue(quota); };

  for (const resource of WHOLE) attach(resource);

  function attach(resource: ResourceType): Source {
    const key = `${resource.group}/${resource.resource}`;
    const present = sources.get(key);
    if (present !== undefined) return present;
    const whole = WHOLE.includes(resource);
    const informer = informers.for<KubeObject>(resource, whole ? {} : NARROW);
    informer.addHandlers({ onDelete: wake, ...(whole && { onUpdate: (old: KubeObject, current: KubeObject) => { if (releases(resource, old, current)) wake(current); } }) });
    const source = { group: resource.group, resource: resource.resource, informer };
    sources.set(key, source);
    return source;
  }

  async function resourceOf(group: string, name: string, signal: AbortSignal): Promise<ResourceType | undefined> {
    const key = `${group}/${name}`;
    if (!known.has(key) && clock.monotonicNow() - discoveredMs > DISCOVERY_FRESH_MS) {
      const { resources } = await discoverPreferred(client, { signal });
      known = new Map(resources.filter(({ verbs, namespaced }) => namespaced && verbs.includes('list') && verbs.includes('watch')).map((resource) => [`${resource.group}/${resource.resource}`, resource]));
      discoveredMs = clock.monotonicNow();
    }
    return known.get(key);
  }

  /** Where the resources that a quota limits are counted. */
  async function sourcesFor(names: readonly string[], signal: AbortSignal): Promise<Source[]> {
    const wanted = new Set(WHOLE.filter(({ group, resource }) => quotaEvaluator(group, resource).matchingResources(names).length > 0));
    for (const name of names) {
      const counted = COUNT.exec(name);
      const [group, resource] = counted !== null ? [counted[2] ?? '', counted[1]!] : ['', name];
      if (counted === null && !ALIASES.includes(name)) continue;
      if (WHOLE.some((whole) => whole.group === group && whole.resource === resource)) continue;
      const type = await resourceOf(group, resource, signal);
      if (type !== undefined) wanted.add(type);
    }
    const found = [...wanted].map(attach);
    await Promise.all(found.map(({ informer }) => informer.whenSynced(signal)));
    return found;
  }

  async function count(quota: ResourceQuota, signal: AbortSignal): Promise<Amounts> {
    const names = Object.keys(quota.spec?.hard ?? {});
    const scopes = scopesOf(quota.spec);
    let used: Amounts = Object.fromEntries(names.map((name) => [name, ZERO_QUANTITY]));
    for (const { group, resource, informer } of await sourcesFor(names, signal)) {
      const evaluator = quotaEvaluator(group, resource);
      const matching = evaluator.matchingResources(names);
      for (const object of informer.list(quota.metadata.namespace)) {
        if (scopes.every((scope) => evaluator.matchesScope(scope, object))) used = addAmounts(used, only(evaluator.usage(object, clock.now()), matching));
      }
    }
    return used;
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const quota = all.get(name, namespace);
    if (quota === undefined) return;
    const used = Object.fromEntries(Object.entries(await count(quota, signal)).map(([resource, amount]) => [resource, formatQuantity(amount)]));
    const hard = quota.spec?.hard ?? {};
    const same = semanticEqual(quota.status?.hard, hard) && sameAmounts(quota.status?.used ?? {}, used);
    if (!same) loop.writes.wrote(key, all, await client.for(resourcequotas, namespace).updateStatus({ ...quota, status: { hard, used } }, { signal }));
  }

  async function resync(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(context.options.resourceQuotaResyncMs, signal).catch(() => undefined);
      for (const quota of all.list()) loop.enqueue(quota);
      log.debug('all quotas are counted again');
    }
  }

  all.addHandlers({ onDelete: (quota) => loop.writes.forget(objectKey(quota)) });
  return { async run(signal) { await Promise.all([loop.run(signal), resync(signal)]); } };
}

/** An update after which the object uses less. */
function releases(resource: ResourceType, old: KubeObject, current: KubeObject): boolean {
  if (resource.resource === 'pods') return isPodTerminal(current as never) && !isPodTerminal(old as never);
  const evaluator = quotaEvaluator(resource.group, resource.resource);
  return JSON.stringify(evaluator.usage(old, 0), printable) !== JSON.stringify(evaluator.usage(current, 0), printable);
}

function printable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function sameAmounts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(b);
  return Object.keys(a).length === names.length && names.every((name) => a[name] !== undefined && formatQuantity(parseQuantity(a[name])) === b[name]);
}
