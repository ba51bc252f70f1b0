/** The narrow door to stored objects for decisions that change them: one atomic change, no admission, no strategy. */
import type { LeaderTerm } from '#client/leader-election/leader-term';
import type { KubeObject } from '#machinery/meta';

export interface StoredObjects<T extends KubeObject> {
  /** The newest version. */
  get(namespace: string, name: string, signal?: AbortSignal): Promise<T | undefined>;
  /**
   * Shows the newest version to `change` (again, when another writer was faster) and stores what it left in it. `change`
   * refuses by throwing; it gets undefined when there is no object and must throw then.
   * @returns the object as stored (as it would be, for a dry run).
   */
  change(namespace: string, name: string, change: (object: T | undefined) => T, options: { dryRun: boolean; signal: AbortSignal; term?: LeaderTerm | undefined }): Promise<T>;
}
