/**
 * `ImageService` over CRI v1's gRPC.
 */
import descriptor from './cri-v1.json' with { type: 'json' };
import type { ImageService, RuntimeImage } from './contract.ts';
import { grpcService } from './grpc-call.ts';
import { RUNTIME_TIMEOUT_MS } from './runtime-client.ts';

/** A pull has no deadline of its own: progress is the runtime's business; the caller's signal ends it. */
const NO_TIMEOUT = 0;

// Messages as their descriptor decodes them; the functions below give them types.
// oxlint-disable-next-line no-explicit-any
type Wire = Record<string, any>;

export function createImageService(endpoint: string): ImageService & { close(): void } {
  const { call, close } = grpcService(descriptor, 'runtime.v1.ImageService', endpoint);
  return {
    listImages: async (signal) => (await call<Wire>('ListImages', {}, RUNTIME_TIMEOUT_MS, signal)).images.map(toImage),
    imageStatus: async (image, signal) => {
      const answer = await call<Wire>('ImageStatus', { image: { image } }, RUNTIME_TIMEOUT_MS, signal);
      return (answer.image?.id ?? '') === '' ? undefined : toImage(answer.image);
    },
    pullImage: async (image, auth, sandboxConfig, signal) =>
      (await call<Wire>('PullImage', { image: { image }, auth, sandboxConfig }, NO_TIMEOUT, signal)).imageRef,
    removeImage: async (image, signal) => { await call('RemoveImage', { image: { image } }, RUNTIME_TIMEOUT_MS, signal); },
    imageFilesystem: async (signal) =>
      (await call<Wire>('ImageFsInfo', {}, RUNTIME_TIMEOUT_MS, signal)).imageFilesystems.map((entry: Wire) => ({
        mountpoint: entry.fsId?.mountpoint ?? '', usedBytes: Number(entry.usedBytes?.value ?? 0), inodesUsed: Number(entry.inodesUsed?.value ?? 0),
      })),
    close,
  };
}

function toImage(wire: Wire): RuntimeImage {
  return {
    id: wire.id, repoTags: wire.repoTags, repoDigests: wire.repoDigests, sizeBytes: Number(wire.size), username: wire.username,
    pinned: wire.pinned === true, ...(wire.uid === undefined || wire.uid === null ? {} : { uid: Number(wire.uid.value) }),
  };
}
