/**
 * What an admission plugin is. The order of plugins stands in `registry.ts`; mutating ones run first, then validating ones.
 */
import type { KubeObject } from '#machinery/meta';
import type { RequestInfo, UserInfo } from '../request.ts';
import type { ResourceDefinition } from '../resources/definition.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionAttributes {
  readonly operation: Operation;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  /** Undefined for CONNECT. */
  readonly definition: ResourceDefinition | undefined;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly subresource: string;
  /** The new object (CREATE, UPDATE; CONNECT: the options); admit may change it in place. Undefined for DELETE. */
  object: KubeObject | undefined;
  /** The stored object (UPDATE, DELETE). */
  readonly oldObject: KubeObject | undefined;
  /** Create, Update, Delete, Patch options as the client gave them. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly dryRun: boolean;
  warn(text: string): void;
  annotate(key: string, value: string): void;
  readonly signal: AbortSignal;
}

/** The mutating plugins run a second time when one that comes late, a webhook or policy, changed the object after the others. */
export interface Rounds {
  /** This is the second time. */
  readonly again: boolean;
  runAgain(): void;
  /** What plugins keep from the first round to the second, by their name. */
  readonly memory: Map<string, unknown>;
}

export interface AdmissionPlugin {
  readonly name: string;
  /** Refuses by throwing a StatusError (usually 403 Forbidden). */
  admit?(attributes: AdmissionAttributes, rounds: Rounds): Promise<void> | void;
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}
