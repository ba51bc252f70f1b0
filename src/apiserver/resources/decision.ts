/**
 * A resource that is a decision rather than storage: a POST whose answer is computed (reviews, token requests, eviction,
 * binding).
 *
 * The create handler authorizes, decodes the body against `schema` (as for any other create), runs the mutating admission
 * plugins, calls `create`, and answers 201 with what it returns. The decision itself calls `validate` (the validating
 * admission plugins) at the point where upstream does; it is a no-op when admission is not wanted.
 */
import type { LeaderTerm } from '#client/leader-election/leader-term';
import type { KubeObject } from '#machinery/meta';
import type { RequestInfo, UserInfo } from '../request.ts';

export interface DecisionContext {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  /** Of the parent object, for subresources. */
  readonly name: string;
  readonly namespace: string;
  readonly dryRun: boolean;
  /** CreateOptions as the client gave them. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Of the leader that asks. */
  readonly term?: LeaderTerm | undefined;
  /** Runs the validating admission plugins on the object. @throws StatusError */
  validate(object: KubeObject): Promise<void>;
  /** Adds a `Warning` header. */
  warn(text: string): void;
  /** Adds an audit annotation. */
  annotate(key: string, value: string): void;
}

export interface DecisionResource<T extends KubeObject = KubeObject> {
  /** Of the URL: '' for core. */
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** '' when the resource itself is the decision. */
  readonly subresource: string;
  readonly namespaced: boolean;
  /** Group and version of the body, where not the URL's (`policy/v1` for pods/eviction). */
  readonly bodyGroup?: string;
  readonly bodyVersion?: string;
  readonly kind: string;
  /** Name of the body's type in the schema: `authentication/v1.TokenReview`. */
  readonly schema: string;
  /** The body's uid and resourceVersion are preconditions and reach `create`. */
  readonly keepsSystemFields?: boolean;
  /** @returns the answer's body, with apiVersion and kind. @throws StatusError */
  create(object: T, context: DecisionContext): Promise<KubeObject>;
}
