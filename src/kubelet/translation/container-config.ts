/**
 * Container → CRI container config. Pure: everything read or made beforehand comes in as `facts`.
 */
import type { Container, Pod } from '#api/generated/core/v1';
import type { ContainerConfig, LinuxResources, Mount, RuntimeImage } from '../cri/contract.ts';
import { containerLogName } from '../paths.ts';
import { expand } from './expansion.ts';
import { containerAnnotations, containerLabels } from './labels.ts';
import { containerSecurityContext, type SecurityOptions } from './security-context.ts';

export interface ContainerFacts {
  restartCount: number;
  /** What to start: the image's id or digest. */
  imageRef: string;
  image: Pick<RuntimeImage, 'uid' | 'username'>;
  environment: ReadonlyMap<string, string>;
  mounts: readonly Mount[];
  devices?: ContainerConfig['devices'];
  resources: LinuxResources;
  security: SecurityOptions;
}

export function containerConfig(pod: Pod, container: Container, facts: ContainerFacts): ContainerConfig {
  const expanded = (values: string[] | undefined): string[] => (values ?? []).map((value) => expand(value, (name) => facts.environment.get(name)));
  const stopSignal = container.lifecycle?.stopSignal;
  return {
    metadata: { name: container.name, attempt: facts.restartCount },
    image: { image: facts.imageRef, userSpecifiedImage: container.image ?? '' },
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: [...facts.environment].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: [...facts.mounts],
    devices: facts.devices ?? [],
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, facts.restartCount),
    logPath: containerLogName(container.name, facts.restartCount),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    ...(stopSignal === undefined ? {} : { stopSignal }),
    linux: { resources: facts.resources, securityContext: containerSecurityContext(pod, container, facts.image, facts.security) },
  };
}
