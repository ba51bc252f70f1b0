/**
 * A store's objects in another version than they are stored in, which takes asking somebody else.
 *
 * A `ResourceStore` with a view shows and takes objects of that version only; it shares its cache with the store it looks upon.
 */
import type { KubeObject } from '#machinery/meta';
import type { DescribedObject } from './described.ts';

export interface VersionView {
  /** The same objects in this version, in the same order. @throws StatusError */
  show(objects: readonly DescribedObject[], signal?: AbortSignal): Promise<readonly DescribedObject[]>;
  /** Bytes to be stored of an object of this version. @throws StatusError */
  store(object: KubeObject, signal?: AbortSignal): Promise<Buffer>;
}
