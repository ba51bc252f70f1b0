/**
 * Removes images that nothing uses when their disk fills up: from the high threshold down to the low one, the longest unused first.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { ImageService, RuntimeImage, RuntimeService } from '../cri/contract.ts';

export interface ImageGcOptions {
  images: ImageService;
  runtime: RuntimeService;
  clock: Clock;
  log: Logger;
  /** Capacity and use of the file system of a path. */
  diskUse(path: string): Promise<{ capacityBytes: number; availableBytes: number }>;
  highPercent: number;
  lowPercent: number;
  minimumAgeMs: number;
  sandboxImage: string;
  /** Told when too little could be freed. */
  onFailure(message: string): void;
}

export interface ImageGc {
  /** Images seen, the largest first: for the node's status. */
  images(): readonly RuntimeImage[];
  /** Learns what is used; cheap, called every few seconds to minutes. */
  observe(signal?: AbortSignal): Promise<void>;
  collect(signal?: AbortSignal): Promise<void>;
  /** For disk pressure: everything unused, whatever its age. */
  collectAll(signal?: AbortSignal): Promise<number>;
}

interface Record_ { image: RuntimeImage; firstSeenMs: number; lastUsedMs: number }

export function createImageGc(options: ImageGcOptions): ImageGc {
  const records = new Map<string, Record_>();

  async function observe(signal?: AbortSignal): Promise<Set<string>> {
    const [images, containers] = await Promise.all([options.images.listImages(signal), options.runtime.listContainers(undefined, signal)]);
    const nowMs = options.clock.now();
    const names = new Set(containers.flatMap((container) => [container.image, container.imageRef, container.imageId]));
    const inUse = new Set<string>();
    for (const image of images) {
      const isUsed = [image.id, ...image.repoTags, ...image.repoDigests].some((name) => names.has(name)) || image.repoTags.includes(options.sandboxImage) || image.pinned;
      if (isUsed) inUse.add(image.id);
      const record = records.get(image.id) ?? { image, firstSeenMs: nowMs, lastUsedMs: 0 };
      record.image = image;
      if (isUsed) record.lastUsedMs = nowMs;
      records.set(image.id, record);
    }
    const present = new Set(images.map((image) => image.id));
    for (const id of records.keys()) if (!present.has(id)) records.delete(id);
    return inUse;
  }

  async function free(bytesWanted: number, minimumAgeMs: number, signal?: AbortSignal): Promise<number> {
    const inUse = await observe(signal);
    const nowMs = options.clock.now();
    const candidates = [...records.values()].filter(({ image }) => !inUse.has(image.id)).sort((a, b) => a.lastUsedMs - b.lastUsedMs || a.firstSeenMs - b.firstSeenMs);
    let freed = 0;
    for (const record of candidates) {
      if (freed >= bytesWanted) break;
      if (nowMs - record.firstSeenMs < minimumAgeMs || (record.lastUsedMs > 0 && nowMs - record.lastUsedMs < minimumAgeMs)) continue;
      try {
        await options.images.removeImage(record.image.id, signal);
        options.log.info('unused image removed', { image: record.image.repoTags[0] ?? record.image.id, bytes: record.image.sizeBytes });
        records.delete(record.image.id);
        freed += record.image.sizeBytes;
      } catch (error) {
        options.log.warn('unused image was not removed', { image: record.image.id, error });
      }
    }
    return freed;
  }

  return {
    images: () => [...records.values()].map(({ image }) => image).sort((a, b) => b.sizeBytes - a.sizeBytes),
    observe: async (signal) => { await observe(signal); },
    collect: async (signal) => {
      const [filesystem] = await options.images.imageFilesystem(signal);
      if (filesystem === undefined) return;
      const { capacityBytes, availableBytes } = await options.diskUse(filesystem.mountpoint);
      if (capacityBytes === 0) return;
      const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes);
      if (usedPercent < options.highPercent) { await observe(signal); return; }
      const wanted = Math.floor((capacityBytes * (100 - options.lowPercent)) / 100) - availableBytes;
      const freed = await free(wanted, options.minimumAgeMs, signal);
      if (freed < wanted) {
        options.onFailure(`Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`);
      }
    },
    collectAll: (signal) => free(Infinity, 0, signal),
  };
}
