/**
 * What a Pod Security check is, and the small words its texts are made of.
 *
 * A check has revisions, each from a minor version on: namespaces may pin the version they are judged by.
 */
import type { Container, PodSpec } from '#api/generated/core/v1';
import type { ObjectMeta } from '#machinery/meta';

export interface Violation { readonly reason: string; readonly detail: string }

/** The part of containers that all three sorts have. */
export type AnyContainer = Omit<Container, 'name'> & { readonly name: string };

export interface Subject { readonly metadata: ObjectMeta; readonly spec: PodSpec; readonly containers: readonly AnyContainer[] }

export type CheckPod = (subject: Subject) => Violation | undefined;

export interface Check {
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  /** In rising order of `since` (minor version). `overrides`: baseline checks that this one makes superfluous. */
  readonly revisions: readonly { readonly since: number; readonly check: CheckPod; readonly overrides?: readonly string[] }[];
}

/** Init containers first, then the regular and the ephemeral ones. */
export function subjectOf(metadata: ObjectMeta, spec: PodSpec): Subject {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])] as AnyContainer[];
  return { metadata, spec, containers };
}

export function quoted(items: readonly string[]): string {
  return items.map((item) => `"${item}"`).join(', ');
}

export function sortedSet(items: Iterable<string>): string[] {
  return [...new Set(items)].sort();
}

/** `container "a"`, `containers "a", "b"`. */
export function named(word: string, names: readonly string[]): string {
  return `${plural(word, names.length)} ${quoted(names)}`;
}

export function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}

export function use(count: number): string {
  return count === 1 ? 'uses' : 'use';
}

/** The pod and containers that set something wrong: `pod and container "a"`. */
export function setters(podIsBad: boolean, containers: readonly string[]): string {
  return [...(podIsBad ? ['pod'] : []), ...(containers.length === 0 ? [] : [named('container', containers)])].join(' and ');
}

/** Newer versions trust a pod in its own user namespace with more. */
export function unlessOwnUserNamespace(check: CheckPod): CheckPod {
  return (subject) => (subject.spec.hostUsers === false ? undefined : check(subject));
}

export function unlessWindows(check: CheckPod): CheckPod {
  return (subject) => (subject.spec.os?.name === 'windows' ? undefined : check(subject));
}
