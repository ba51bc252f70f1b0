/**
 * Follows the custom resource definitions: settles their names, serves their resources, and empties them before they go.
 *
 * Some are handled at a time, each by one worker; what one costs does not grow with how many others there are. A change of a
 * definition replaces its stores, and with them its watches.
 */
import { setMaxListeners } from 'node:events';
import { apiservices } from '#api/generated/apiregistration/v1';
import { customresourcedefinitions, type CustomResourceDefinition } from '#api/generated/apiextensions/v1';
import { rfc3339, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import { queueMetrics } from '#base/queue/queue-metrics';
import { WorkQueue } from '#base/queue/work-queue';
import type { Client } from '#client/client';
import type { Informer } from '#client/informer-contract';
import { semanticEqual } from '#machinery/deep-equal';
import { isConflict, isNotFound } from '#machinery/status-error';
import { ensureApiService } from '../bootstrap/api-services.ts';
import type { ResourceTable } from '../resource-table.ts';
import { selectAll } from '../store/described.ts';
import type { CustomDefinitions } from '../openapi/published.ts';
import { CLEANUP_FINALIZER } from './definition-hooks.ts';
import { conditionOf, isEstablished, settledStatus, withCondition } from './names.ts';
import { PublishedKinds } from './published-kinds.ts';
import { serveDefinition, type ServedDefinition, type ServeOptions } from './serve-definition.ts';
import { NameRegister } from './taken-names.ts';

const RETRY_MS = 1_000;
/** How often an emptying definition is looked at again. */
const EMPTYING_MS = 500;
/** Definitions that are settled at a time: their writes share the store's group commits. */
const WORKERS = 8;
const QUEUE = 'custom_resource_definitions';
/** Index of the definitions whose names others of their group have, by group. */
const REFUSED = 'refused';

export interface DefinitionsOptions extends ServeOptions {
  readonly client: Client;
  readonly definitions: Informer<CustomResourceDefinition>;
  readonly table: ResourceTable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
}

interface Serving { readonly state: string; readonly resources: ServedDefinition }

/** Changes whenever something of a definition does that its resources hang on. */
function stateOf({ metadata, status }: CustomResourceDefinition): string {
  return JSON.stringify([metadata.uid, metadata.generation, status?.acceptedNames, Boolean(metadata.deletionTimestamp)]);
}

export class Definitions {
  readonly #options: DefinitionsOptions;
  readonly #observer: ReturnType<typeof queueMetrics<string>>;
  readonly #queue: WorkQueue;
  readonly #serving = new Map<string, Serving>();
  readonly #published = new PublishedKinds();
  readonly #names = new NameRegister();
  /** The state whose API services are there. */
  readonly #announced = new Map<string, string>();
  /** API services that are being made, by group version. */
  readonly #announcing = new Map<string, Promise<void>>();

  constructor(options: DefinitionsOptions) {
    this.#options = options;
    this.#observer = queueMetrics<string>(QUEUE, options.metrics, options.clock);
    this.#queue = new WorkQueue(this.#observer);
    options.definitions.addIndex(REFUSED, (definition) => (conditionOf(definition, 'NamesAccepted')?.status === 'False' ? [definition.spec.group] : []));
    options.definitions.addHandlers({
      onAdd: (definition) => this.#seen(definition), onUpdate: (_old, definition) => this.#seen(definition),
      onDelete: (definition) => { this.#names.forget(definition.metadata.name!); this.#changed(definition); },
    });
  }

  /** Serves what is established already, then follows. */
  async start(signal: AbortSignal): Promise<void> {
    setMaxListeners(0, signal);
    await this.#options.definitions.whenSynced(signal);
    const established = this.#options.definitions.list().filter(isEstablished).values();
    await Promise.all(Array.from({ length: WORKERS }, async () => { for (const definition of established) await this.#serve(definition, signal); }));
    for (let worker = 0; worker < WORKERS; worker++) void this.#run(signal);
  }

  /** What the OpenAPI documents say of a group version; undefined where nothing of it is served here. */
  documents(group: string, version: string): CustomDefinitions | undefined {
    return this.#published.of(group, version);
  }

  #seen(definition: CustomResourceDefinition): void {
    this.#names.note(definition);
    this.#changed(definition);
  }

  /** A name that became free may be another's now. */
  #changed(definition: CustomResourceDefinition): void {
    this.#queue.add(definition.metadata.name!);
    for (const other of this.#options.definitions.byIndex(REFUSED, definition.spec.group)) this.#queue.add(other.metadata.name!);
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const name = await this.#queue.take(signal).catch(() => undefined);
      if (name === undefined) return;
      try {
        await this.#settle(name, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!isConflict(error) && !isNotFound(error)) this.#options.log.warn('Definition not settled', { name, error });
        this.#again(name, RETRY_MS);
      } finally {
        this.#queue.done(name);
      }
    }
  }

  #again(name: string, delayMs: number): void {
    this.#observer.retried(name);
    this.#options.clock.setTimer(delayMs, () => this.#queue.add(name));
  }

  async #settle(name: string, signal: AbortSignal): Promise<void> {
    const definition = this.#options.definitions.get(name);
    if (definition === undefined) { await this.#end(name, signal); return; }
    const isGoing = Boolean(definition.metadata.deletionTimestamp);
    const current = isGoing ? definition : await this.#settleNames(definition, signal);
    if (isGoing && isEstablished(current)) await this.#serve(current, signal);
    if (isEstablished(current)) await this.#announce(name, signal);
    if (isGoing) await this.#empty(current, signal);
  }

  /** @returns the definition as it is now */
  async #settleNames(definition: CustomResourceDefinition, signal: AbortSignal): Promise<CustomResourceDefinition> {
    const { client, clock } = this.#options;
    const status = settledStatus(definition, this.#names.beside(definition), rfc3339(clock.now()));
    this.#names.claim(definition, status.acceptedNames);
    try {
      const settled = { ...definition, status };
      // Who reads that it is established must find it served.
      if (isEstablished(settled)) await this.#serve(settled, signal);
      if (semanticEqual(status, definition.status)) return definition;
      const written = await client.for(customresourcedefinitions).updateStatus(settled, { signal });
      this.#names.note(written);
      return written;
    } finally {
      this.#names.claim(definition, undefined);
    }
  }

  async #serve(definition: CustomResourceDefinition, signal: AbortSignal): Promise<void> {
    const { table, feed } = this.#options;
    const name = definition.metadata.name!;
    const state = stateOf(definition);
    const old = this.#serving.get(name);
    if (old?.state === state) return;
    const resources = serveDefinition(definition, definition.status!.acceptedNames!, Boolean(definition.metadata.deletionTimestamp), this.#options);
    await feed.attach(resources.store.cache);
    this.#withdraw(old);
    this.#serving.set(name, { state, resources });
    this.#published.set(definition, state);
    // What is built in stays what it is.
    for (const served of resources.served) if (table.find(served.info.group, served.info.version, served.info.resource) === undefined) table.add({ info: served.info, served });
    await this.#dropApiServices(old, signal);
  }

  /** Its group versions stand among the API services. */
  async #announce(name: string, signal: AbortSignal): Promise<void> {
    const serving = this.#serving.get(name);
    if (serving === undefined || this.#announced.get(name) === serving.state) return;
    for (const { info } of serving.resources.served) await this.#announceVersion(info.group, info.version, signal);
    this.#announced.set(name, serving.state);
  }

  async #announceVersion(group: string, version: string, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const key = `${group}/${version}`;
    const running = this.#announcing.get(key) ?? ensureApiService(client, group, version, 'true', rfc3339(clock.now()), signal).finally(() => this.#announcing.delete(key));
    this.#announcing.set(key, running);
    await running;
  }

  #withdraw(serving: Serving | undefined): void {
    if (serving === undefined) return;
    const { table } = this.#options;
    for (const served of serving.resources.served) {
      const { group, version, resource } = served.info;
      if (table.find(group, version, resource)?.served === served) table.remove(group, version, resource);
    }
    // Ends its watches.
    serving.resources.store.cache.replace([], this.#options.feed.revision);
  }

  async #end(name: string, signal: AbortSignal): Promise<void> {
    this.#names.forget(name);
    const serving = this.#serving.get(name);
    if (serving === undefined) return;
    this.#serving.delete(name);
    this.#published.remove(name);
    this.#announced.delete(name);
    this.#options.feed.detach(serving.resources.store.cache);
    this.#withdraw(serving);
    await this.#dropApiServices(serving, signal);
  }

  /** Group versions that are served no more. */
  async #dropApiServices(serving: Serving | undefined, signal: AbortSignal): Promise<void> {
    for (const { info } of serving?.resources.served ?? []) {
      if (this.#options.table.entries(info.group, info.version).length > 0) continue;
      await this.#options.client.for(apiservices).delete(`${info.version}.${info.group}`, { signal }).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
    }
  }

  /** Removes the objects; the definition may go when there are none. */
  async #empty(definition: CustomResourceDefinition, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const name = definition.metadata.name!;
    if (!(definition.metadata.finalizers ?? []).includes(CLEANUP_FINALIZER)) return;
    const left = await this.#deleteObjects(name, signal);
    const conditions = definition.status?.conditions ?? [];
    const now = rfc3339(clock.now());
    if (left > 0) {
      const next = withCondition(conditions, { type: 'Terminating', status: 'True', reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' }, now);
      if (!semanticEqual(next, conditions)) await client.for(customresourcedefinitions).updateStatus({ ...definition, status: { ...definition.status, conditions: next } }, { signal });
      this.#again(name, EMPTYING_MS);
      return;
    }
    const next = withCondition(conditions, isEstablished(definition)
      ? { type: 'Terminating', status: 'False', reason: 'InstanceDeletionCompleted', message: 'removed all instances' }
      : { type: 'Terminating', status: 'False', reason: 'NeverEstablished', message: 'resource was never established' }, now);
    const finalizers = definition.metadata.finalizers!.filter((one) => one !== CLEANUP_FINALIZER);
    await client.for(customresourcedefinitions).updateStatus({
      ...definition, metadata: { ...definition.metadata, finalizers }, status: { ...definition.status, conditions: next },
    }, { signal });
  }

  /** @returns how many are left. */
  async #deleteObjects(name: string, signal: AbortSignal): Promise<number> {
    const { client, feed } = this.#options;
    const resources = this.#serving.get(name)?.resources;
    if (resources === undefined) return 0;
    const { store, served } = resources;
    // What is stored needs no conversion.
    const first = served.find((one) => one.apiVersion === one.storedApiVersion) ?? served[0];
    await feed.waitUntilFresh(signal);
    const objects = store.cache.select(selectAll());
    if (first === undefined) {
      for (const { key } of objects) await store.engine.write({ key: store.prefix + key, value: undefined, expectedRevision: store.cache.get(key)?.revision ?? 0 });
      return objects.length;
    }
    const { group, version, resource } = first.info;
    for (const namespace of new Set(objects.map((object) => object.namespace))) {
      await client.raw('DELETE', `/apis/${group}/${version}/${namespace === '' ? '' : `namespaces/${namespace}/`}${resource}`, { signal });
    }
    await feed.waitUntilFresh(signal);
    return store.cache.size;
  }
}
