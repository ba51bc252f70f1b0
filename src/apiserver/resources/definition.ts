/**
 * A resource as data: what the generic handlers need to know about it.
 *
 * Each resource's folder `resources/<group>/<resource>/` exports one `ResourceDefinition`; `resources/registry.ts` lists them all.
 * Objects are plain JSON, decoded and pruned against the schema already. A strategy changes the object it is given in place.
 */
import type { WantedFields } from '#machinery/codec/json-pick';
import type { KubeObject, ResourceType } from '#machinery/meta';
import type { FieldError } from '#machinery/field-error';
import type { UserInfo } from '../request.ts';

export interface StrategyContext {
  readonly nowMs: number;
  readonly user: UserInfo | undefined;
  readonly namespace: string;
  readonly dryRun: boolean;
  featureEnabled(gate: string): boolean;
  /** Tells the client, whether the write is refused or not. */
  warn?(text: string): void;
}

export interface Strategy<T extends KubeObject> {
  /** Versioned defaults: applied on every decode, of requests and of stored objects. Idempotent. */
  defaults?(object: T): void;
  /** Clears what a client may not set (status, …), sets initial generation. */
  prepareForCreate?(object: T, context: StrategyContext): void;
  /** Keeps what this endpoint may not change (status on the main resource, spec on /status); bumps generation. */
  prepareForUpdate?(object: T, old: T, context: StrategyContext): void;
  /** All faults at once; metadata is validated by the caller before (`metadata` errors come first). */
  validateCreate?(object: T, context: StrategyContext): FieldError[];
  validateUpdate?(object: T, old: T, context: StrategyContext): FieldError[];
  /** Texts for `Warning` headers. */
  warningsOnCreate?(object: T, context: StrategyContext): string[];
  warningsOnUpdate?(object: T, old: T, context: StrategyContext): string[];
  /** Brings an object just before storing or after merging into canonical form (e.g. sorted, emptied). */
  canonicalize?(object: T): void;
}

/** How `metadata.name` is checked; upstream's texts. */
export type NameRule = 'dns1123-subdomain' | 'dns1123-label' | 'dns1035-label' | 'path-segment' | ((name: string, prefix: boolean) => string[]);

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description: string;
  /** 0: always shown; 1: with -o wide. */
  readonly priority?: number;
}

export interface TablePrinter<T> {
  readonly columns: readonly TableColumn[];
  /** The cells of one row. */
  cells(object: T, nowMs: number): unknown[];
  /** Cells without a value are null, not empty texts. */
  readonly keepsNulls?: boolean;
  /** Row conditions (completed pods). */
  conditions?(object: T): { type: string; status: string; reason?: string; message?: string }[];
}

export interface ResourceDefinition<T extends KubeObject = KubeObject> {
  readonly resource: ResourceType<T>;
  /** The version whose JSON is stored; other served versions convert to and from it. Default: `resource.version`. */
  readonly storageVersion?: string;
  /** Name of the type in the schema: `core/v1.Pod`. */
  readonly schema: string;
  readonly nameRule: NameRule;
  readonly strategy: Strategy<T>;
  /** Strategy of `/status`, when the resource has it. */
  readonly statusStrategy?: Pick<Strategy<T>, 'prepareForUpdate' | 'validateUpdate' | 'warningsOnUpdate'>;
  /** Further subresources that update the object itself (`resize`, `ephemeralcontainers`, `approval`, `finalize`). */
  readonly subresourceStrategies?: Readonly<Record<string, Pick<Strategy<T>, 'prepareForUpdate' | 'validateUpdate' | 'warningsOnUpdate'>>>;
  /** PUT of a missing object creates it. */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without a resourceVersion is taken. */
  readonly allowUnconditionalUpdate?: boolean;
  /** DELETE answers with the object instead of a Status. */
  readonly returnDeletedObject?: boolean;
  /** When nobody says: what happens to dependents. */
  readonly defaultPropagation?: 'Background' | 'Orphan';
  /** False: deletion never waits for dependents (events). */
  readonly garbageCollected?: boolean;
  /** Graceful deletion (pods): the grace period in force for this object. Absent: deletion is immediate. */
  deletionGraceSeconds?(object: T, requestedSeconds: number | undefined): number;
  /** Field selector keys beyond metadata.name and metadata.namespace, with the object's values. */
  selectableFields?(object: T): Record<string, string>;
  /** What `selectableFields` looks at, labels aside: where there are very many objects, no more of them is parsed. */
  readonly selectableFieldsFrom?: WantedFields;
  /** The keys `selectableFields` gives, to refuse others. */
  readonly selectableFieldNames?: readonly string[];
  readonly table?: TablePrinter<T>;
  /** For `/scale`. */
  readonly scale?: {
    replicas(object: T): number;
    setReplicas(object: T, replicas: number): void;
    statusReplicas(object: T): number;
    /** Refuses to show a scale of an object without replicas. @throws StatusError */
    requireReplicas?(object: T): void;
    /** The label selector in its string form. */
    selector(object: T): string;
  };
  /** Events: seconds after which the object is gone. */
  ttlSeconds?(object: T): number | undefined;
}
