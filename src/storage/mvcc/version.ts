/** One version of one key: the link of a chain from newest to oldest kept. */
import type { LentValue, WatchEvent } from '../contract.ts';

export interface Version {
  readonly key: string;
  /** Its own place in the log, one for each write: the names of its rows on disk. */
  readonly revision: number;
  /** The revision that readers and watchers see: that of the last write of its transaction; its own when it is by itself. */
  modRevision: number;
  /** 0 for a deletion. */
  createRevision: number;
  /** Puts since the key came to be, this one included; 0 for a deletion. */
  readonly writes: number;
  readonly deleted: boolean;
  /** 0: none. */
  readonly leaseId: number;
  /** Bytes of the value. */
  readonly size: number;
  /** Of the value, for engines that keep one; 0 otherwise. */
  checksum: number;
  /** The value while it is held in memory; a deletion holds none. */
  value: Buffer | undefined;
  /** The version before this one while it is kept. */
  previous: Version | undefined;
  /** How the value was handed out without being read. */
  lent: (LentValue & { keep(): void }) | undefined;
  /** What watchers get, made once and shared. */
  event: WatchEvent | undefined;
}
