/**
 * The containers of a pod by kind: regular, init, sidecar (init with restartPolicy Always), ephemeral.
 */
import type { Container, Pod } from '#api/generated/core/v1';

export type ContainerKind = 'init' | 'regular' | 'ephemeral';
export interface ContainerOfPod { container: Container; kind: ContainerKind }

export function containersOf(pod: Pod): ContainerOfPod[] {
  const spec = pod.spec;
  return [
    ...(spec?.initContainers ?? []).map((container) => ({ container, kind: 'init' as const })),
    ...(spec?.containers ?? []).map((container) => ({ container, kind: 'regular' as const })),
    ...(spec?.ephemeralContainers ?? []).map((container) => ({ container: container as Container, kind: 'ephemeral' as const })),
  ];
}

export function findContainer(pod: Pod, name: string): ContainerOfPod | undefined {
  return containersOf(pod).find((entry) => entry.container.name === name);
}

/** A sidecar: an init container that goes on running. */
export function isRestartableInit(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** `spec.containers{name}`: the field path of events about a container. */
export function fieldPathOf(pod: Pod, name: string): string {
  const kind = findContainer(pod, name)?.kind ?? 'regular';
  return `spec.${kind === 'init' ? 'initContainers' : kind === 'ephemeral' ? 'ephemeralContainers' : 'containers'}{${name}}`;
}
