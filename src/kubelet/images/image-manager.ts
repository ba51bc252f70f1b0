/**
 * Makes sure that a container's image is there: pull policy, credentials, one pull at a time, back-off.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#base/clock';
import type { Container, Pod, Secret } from '#api/generated/core/v1';
import { formatDurationMs } from '#machinery/duration';
import type { AuthConfig, ImageService, RuntimeImage, SandboxConfig } from '../cri/contract.ts';
import { rpcText } from '../cri/error-text.ts';
import { createBackOff } from '../runtime/back-off.ts';
import type { PodEvents } from '../runtime/pod-events.ts';
import { createSlots } from '../runtime/slots.ts';
import { StartError } from '../runtime/start-error.ts';
import { credentialsFor } from './credentials.ts';

export interface ImageManager {
  /** @throws StartError: ErrImagePull, ImagePullBackOff, ErrImageNeverPull, InvalidImageName, ImageInspectError. */
  ensure(pod: Pod, container: Container, sandbox: SandboxConfig, signal?: AbortSignal): Promise<RuntimeImage>;
}

export interface ImageManagerOptions {
  images: ImageService;
  clock: Clock;
  events: PodEvents;
  /** Pulls at the same time; 1: one after another. */
  parallelMax: number;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
}

/** Failed pulls of pods that may be gone. */
const FAILURES_KEPT = 1_000;
/** Longest name that is worth asking a registry for. */
const NAME_CHARS_MAX = 4_096;

/** `[host[:port]/]path[:tag][@digest]` with a lower-case path. */
export function isImageName(image: string): boolean {
  const [name = '', digest, ...more] = image.split('@');
  if (image.length > NAME_CHARS_MAX || more.length > 0 || (digest !== undefined && !/^[A-Za-z][\w+.-]*:[0-9a-fA-F]{32,}$/.test(digest))) return false;
  const colon = name.lastIndexOf(':');
  const hasTag = colon > name.lastIndexOf('/');
  if (hasTag && !/^\w[\w.-]{0,127}$/.test(name.slice(colon + 1))) return false;
  const parts = (hasTag ? name.slice(0, colon) : name).split('/');
  const hostLike = parts.length > 1 && /[.:A-Z]|^localhost$/.test(parts[0]!);
  if (hostLike && !/^(?:[\w.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?$/.test(parts[0]!)) return false;
  return parts.slice(hostLike ? 1 : 0).every((part) => /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/.test(part));
}

export function createImageManager(options: ImageManagerOptions): ImageManager {
  const backOff = createBackOff(options.clock);
  const backOffStart = new LRUCache<string, number>({ max: FAILURES_KEPT });
  const lastError = new LRUCache<string, string>({ max: FAILURES_KEPT });
  const slots = createSlots(options.parallelMax);

  async function pull(pod: Pod, container: Container, image: string, sandbox: SandboxConfig, signal?: AbortSignal): Promise<RuntimeImage> {
    const key = `${pod.metadata.uid}_${image}`;
    if (backOff.remainingMs(key, backOffStart.get(key) ?? 0) > 0) {
      const text = `Back-off pulling image "${image}"`;
      options.events.container(pod, container.name, 'Normal', 'BackOff', text);
      throw fail(pod, container, 'ImagePullBackOff', lastError.has(key) ? `${text}: ${lastError.get(key)}` : text);
    }
    const askedMs = options.clock.monotonicNow();
    const release = await slots.enter(0, signal);
    try {
      options.events.container(pod, container.name, 'Normal', 'Pulling', `Pulling image "${image}"`);
      const startedMs = options.clock.monotonicNow();
      const found = await pullWithCredentials(pod, image, sandbox, signal);
      const endMs = options.clock.monotonicNow();
      options.events.container(pod, container.name, 'Normal', 'Pulled',
        `Successfully pulled image "${image}" in ${formatDurationMs(Math.round(endMs - startedMs))} (${formatDurationMs(Math.round(endMs - askedMs))} including waiting). Image size: ${found.sizeBytes} bytes.`);
      backOff.reset(key);
      lastError.delete(key);
      return found;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const text = rpcText(error);
      options.events.container(pod, container.name, 'Warning', 'Failed', `Failed to pull image "${image}": ${text}`);
      backOff.sweep();
      backOff.next(key, options.clock.now());
      backOffStart.set(key, options.clock.now());
      lastError.set(key, `ErrImagePull: ${text}`);
      throw fail(pod, container, 'ErrImagePull', text);
    } finally {
      release();
    }
  }
  async function pullWithCredentials(pod: Pod, image: string, sandbox: SandboxConfig, signal?: AbortSignal): Promise<RuntimeImage> {
    const secrets = (await Promise.all((pod.spec?.imagePullSecrets ?? []).map(({ name }) => options.secret(pod.metadata.namespace!, name ?? '')))).filter((secret) => secret !== undefined);
    const tries: (AuthConfig | undefined)[] = [...credentialsFor(image, secrets), undefined];
    let failure: unknown;
    for (const auth of tries) {
      try {
        const ref = await options.images.pullImage(image, auth, sandbox, signal);
        return await options.images.imageStatus(ref, signal) ?? { id: ref, repoTags: [], repoDigests: [], sizeBytes: 0, username: '', pinned: false };
      } catch (error) {
        if (signal?.aborted === true) throw error;
        // What a real credential was told is more telling than what nobody was.
        failure ??= error;
      }
    }
    throw failure;
  }

  function fail(pod: Pod, container: Container, reason: string, message: string): StartError {
    options.events.container(pod, container.name, 'Warning', 'Failed', `Error: ${reason}`);
    return new StartError(reason, message);
  }

  return {
    ensure: async (pod, container, sandbox, signal) => {
      const image = withDefaultTag(container.image ?? '');
      if (!isImageName(image)) {
        const message = `Failed to apply default image tag "${container.image ?? ''}": couldn't parse image name "${container.image ?? ''}": invalid reference format`;
        options.events.container(pod, container.name, 'Warning', 'InspectFailed', message);
        throw fail(pod, container, 'InvalidImageName', message);
      }
      const policy = container.imagePullPolicy ?? defaultPolicy(image);
      if (policy === 'Always') return pull(pod, container, image, sandbox, signal);
      const present = await options.images.imageStatus(image, signal).catch((error: unknown) => {
        throw fail(pod, container, 'ImageInspectError', `Failed to inspect image "${image}": ${rpcText(error)}`);
      });
      if (present !== undefined) {
        options.events.container(pod, container.name, 'Normal', 'Pulled', `Container image "${container.image ?? ''}" already present on machine and can be accessed by the pod`);
        return present;
      }
      if (policy === 'Never') {
        const message = `Container image "${container.image ?? ''}" is not present with pull policy of Never`;
        options.events.container(pod, container.name, 'Warning', 'ErrImageNeverPull', message);
        throw fail(pod, container, 'ErrImageNeverPull', message);
      }
      return pull(pod, container, image, sandbox, signal);
    },
  };
}

function withDefaultTag(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? image : `${image}:latest`;
}

/** For pods that no API server defaulted (static ones). */
function defaultPolicy(image: string): 'Always' | 'IfNotPresent' {
  return image.endsWith(':latest') ? 'Always' : 'IfNotPresent';
}
