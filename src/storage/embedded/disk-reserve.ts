/**
 * Keeps the store away from the end of its disk.
 *
 * LMDB must not meet a full disk: after a commit that fails for want of space its memory is not sound any more (3.5.6). So
 * the free space is looked at before each commit, for it and all that is still to come from the log: puts are refused while it is below `PUT_FREE_BYTES_MIN`; deletes (which
 * write new pages too) go on below that, and at the very end use a reserve, a file of zeros beside the data that is given up
 * for them and taken again when there is room.
 */
import { existsSync, rmSync, statSync, statfsSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

const RESERVE_BYTES = 4 << 20;
const PUT_FREE_BYTES_MIN = 8 << 20;
const DELETE_FREE_BYTES_MIN = 1 << 20;
/** Pages that a commit may write for each byte it was given: copies of the pages on the way to a record. */
const WRITE_FACTOR = 2;

export interface DiskReserve {
  /** Fills the reserve. @throws when the disk has no room for it. */
  take(): Promise<void>;
  giveUp(): void;
  /** Whether a commit may be tried; gives up the reserve when that makes room for deletes. */
  admits(bytes: number, puts: boolean): boolean;
  /** The disk has room for the reserve and for puts. */
  roomAgain(): boolean;
}

export function diskReserve(path: string): DiskReserve {
  const draft = `${path}.new`;
  const freeBytes = (): number => {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  };
  const giveUp = (): void => { for (const name of [path, draft]) rmSync(name, { force: true }); };
  return {
    async take() {
      if (existsSync(path) && statSync(path).size === RESERVE_BYTES) return;
      try {
        const file = await open(draft, 'w', 0o600);
        try {
          await file.writeFile(Buffer.alloc(RESERVE_BYTES));
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
      } catch (error) {
        rmSync(draft, { force: true });
        throw error;
      }
    },
    giveUp,
    admits(bytes, puts) {
      const needed = bytes * WRITE_FACTOR + (puts ? PUT_FREE_BYTES_MIN : DELETE_FREE_BYTES_MIN);
      if (freeBytes() >= needed) return true;
      if (puts) return false;
      giveUp();
      return freeBytes() >= needed;
    },
    roomAgain: () => freeBytes() >= RESERVE_BYTES + PUT_FREE_BYTES_MIN * 1.5,
  };
}
