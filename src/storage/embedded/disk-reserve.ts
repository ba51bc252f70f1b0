/**
 * Space held back on the store's disk, so that deletes still work when it is full: LMDB writes new pages even to delete.
 *
 * The reserve is a file of zeros beside the data. It is given up when a commit fails for want of space, and taken again when
 * the disk has room for it and more. While it is given up the engine takes deletes only.
 */
import { existsSync, rmSync, statSync, statfsSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

const RESERVE_BYTES = 4 << 20;
/** Beyond the reserve, before puts are taken again. */
const HEADROOM_BYTES = 4 << 20;

export interface DiskReserve {
  /** Fills the reserve. @throws when the disk has no room for it. */
  take(): Promise<void>;
  giveUp(): void;
  /** The disk has room for the reserve and some work. */
  roomAgain(): boolean;
}

export function diskReserve(path: string): DiskReserve {
  const draft = `${path}.new`;
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
    giveUp() { for (const name of [path, draft]) rmSync(name, { force: true }); },
    roomAgain() {
      const { bavail, bsize } = statfsSync(dirname(path));
      return bavail * bsize >= RESERVE_BYTES + HEADROOM_BYTES;
    },
  };
}
