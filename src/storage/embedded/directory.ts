/**
 * The directory of an embedded store: one owner, and whether the last one left it in order.
 *
 *   data.mdb, data.mdb-lock   LMDB's
 *   log-0, log-1              what has been acknowledged and is not in data.mdb yet (`write-ahead-log.ts`); none when it is closed in order
 *   owner                     who has it open: pid, start time of that process, boot id. One process only.
 *   reserve                   space held back for deletes on a full disk (`disk-reserve.ts`)
 *   clean                     present while nobody has it open and the last owner closed it in order
 *
 * An owner is gone when the machine was booted since, or no process has its pid and start time. LMDB's own table of
 * readers is looked at as well (by the caller): it sees processes in other pid namespaces.
 */
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '#base/random';

export const DATA_FILE = 'data.mdb';

export interface StoreDirectory {
  readonly dataPath: string;
  /** The file was there before. */
  readonly existed: boolean;
  /** The last owner did not close it: it was killed, or the machine went down. */
  readonly unclean: boolean;
  /** The machine has been booted since it was last open. */
  readonly rebooted: boolean;
  /** Owners in a row that died with it, the last one included. */
  readonly crashes: number;
  /** To be called once the store has been read: from now on it is not clean. */
  markOpen(): void;
  /** Gives it up. @param clean everything was closed in order. */
  release(clean: boolean): void;
}

interface Owner { readonly pid: number; readonly startTime: string; readonly bootId: string; readonly crashes: number }

/** @throws Error when another process has the directory open. */
export function claimDirectory(directory: string): StoreDirectory {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(directory, name);
  const previous = claim(directory, at('owner'));
  const dataPath = at(DATA_FILE);
  const existed = existsSync(dataPath);
  const clean = existsSync(at('clean'));
  return {
    dataPath,
    existed,
    unclean: existed && !clean,
    rebooted: previous !== undefined && previous.bootId !== bootId(),
    crashes: crashesAfter(previous),
    markOpen() {
      rmSync(at('clean'), { force: true });
      syncDirectory(directory);
    },
    release(inOrder) {
      if (inOrder) writeFileSync(at('clean'), '');
      rmSync(at('owner'), { force: true });
      syncDirectory(directory);
    },
  };
}

/** New files survive a power cut only when their directory has been synced. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Takes the owner file; answers the owner that died with it, if there was one. */
function claim(directory: string, path: string): Owner | undefined {
  const mine = { pid: process.pid, startTime: startTimeOf(process.pid) ?? '', bootId: bootId() };
  const draft = `${path}.${process.pid}.${systemRandom.bytes(4).toString('hex')}`;
  try {
    let dead: Owner | undefined;
    for (;;) {
      writeFileSync(draft, JSON.stringify({ ...mine, crashes: crashesAfter(dead) } satisfies Owner), { mode: 0o600 });
      try {
        linkSync(draft, path);
        return dead;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const text = readIfThere(path);
      if (text === undefined) continue;
      const owner = parseOwner(text);
      if (owner !== undefined && isAlive(owner)) throw inUse(directory, owner);
      dead = owner ?? dead;
      breakClaim(path, text, directory);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function crashesAfter(dead: Owner | undefined): number { return dead === undefined ? 0 : (dead.crashes ?? 0) + 1; }

/** Moves a dead owner's file away; puts it back when somebody else was quicker and it is a live one by now. */
function breakClaim(path: string, judged: string, directory: string): void {
  const aside = `${path}.dead.${process.pid}.${systemRandom.bytes(4).toString('hex')}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const taken = readFileSync(aside, 'utf8');
  if (taken !== judged) {
    renameSync(aside, path);
    throw inUse(directory, parseOwner(taken));
  }
  unlinkSync(aside);
}

function inUse(directory: string, owner: Owner | undefined): Error {
  const who = owner?.pid === process.pid ? 'this process' : `process ${owner?.pid ?? '?'}`;
  return new Error(`the store in ${directory} is in use by ${who}: stop it, or choose another data directory`);
}

function isAlive(owner: Owner): boolean {
  if (owner.bootId !== bootId()) return false;
  const started = startTimeOf(owner.pid);
  return started !== undefined && started === owner.startTime;
}

/** Clock ticks since boot at which the process started: with the pid it names a process. Undefined: no such process. */
function startTimeOf(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat !== undefined) return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  if (existsSync('/proc/self/stat')) return undefined;
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : undefined;
  }
}

function bootId(): string { return readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? ''; }

function parseOwner(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
