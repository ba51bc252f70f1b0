/**
 * The write-ahead log: where a batch becomes durable, by one synchronous write into space that was made before.
 *
 *     log-0  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░   log-1  ░░░░░░░░      ▓ frames that the tables do not hold yet, one after the other
 *
 * Frames are numbered without a gap. The next one goes behind the last; where the space ends, to the beginning of a file all
 * of whose frames are in the tables (`release`); and where there is none, more space is written. Invariants: one append at a time, so
 * that only the last frame can be torn; a frame is overwritten only after it has been released; it is never written over the end
 * of a file, so that nothing but its own bytes has to reach the disk.
 */
import { closeSync, constants, existsSync, fdatasync, openSync, readFileSync, rmSync, write } from 'node:fs';
import { join } from 'node:path';
import { CorruptError, UnavailableError } from '../contract.ts';
import { DISK_FULL, DiskFullError } from './disk-full-error.ts';
import { syncDirectory } from './directory.ts';
import { FrameWriter, LOG_PAGE_BYTES, beginsAt, frameAt, frameBytes, readFrame, type FramePlace, type LogFrame } from './log-frame.ts';
import type { LogMark } from './record.ts';

export const LOG_FILES = ['log-0', 'log-1'] as const;

/** Space that is made at once. */
const GROW_BYTES = 512 * 1024;
/** A file larger than this takes no more frames but at its beginning. */
const FILE_BYTES_MAX = 8 << 20;
/** Elsewhere such a write is none (Windows), or one into the disk's own memory (macOS): there a sync follows each. */
const SYNCHRONOUS_WRITES = process.platform === 'linux';

interface LogFile {
  readonly handle: number;
  /** Bytes that have been written once: frames go nowhere else. */
  size: number;
  end: number;
  /** Its newest frame; 0: none. */
  last: number;
}

export interface WriteAheadLogOptions {
  /** Whether the disk has room for so many bytes more. */
  readonly hasRoom: (bytes: number) => boolean;
  /** Makes frames go into the tables, and calls `release`. @throws UnavailableError, DiskFullError */
  readonly makeRoom: () => Promise<void>;
}

export class WriteAheadLog {
  readonly #directory: string;
  readonly #salt: number;
  readonly #options: WriteAheadLogOptions;
  readonly #writer = new FrameWriter();
  readonly #files: readonly [LogFile, LogFile];
  #current = 0;
  #number: number;
  #released: number;

  /** An empty log; one that is there must have been read before. */
  constructor(directory: string, mark: LogMark, options: WriteAheadLogOptions) {
    this.#directory = directory;
    this.#salt = mark.salt;
    this.#number = this.#released = mark.applied;
    this.#options = options;
    removeLog(directory);
    const create = (name: string): LogFile => {
      const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | (SYNCHRONOUS_WRITES ? constants.O_DSYNC : 0);
      return { handle: openSync(join(directory, name), flags, 0o600), size: 0, end: 0, last: 0 };
    };
    this.#files = [create(LOG_FILES[0]), create(LOG_FILES[1])];
    syncDirectory(directory);
  }

  /** Answers the frame's number, once it is durable. @throws DiskFullError: nothing was written; UnavailableError: nothing may be written any more. */
  async append(frame: LogFrame): Promise<number> {
    const number = this.#number + 1;
    const bytes = this.#writer.encode(frame, number, this.#salt);
    const file = await this.#placeFor(bytes.length);
    await writeAll(file.handle, bytes, file.end).catch((cause: Error) => {
      throw new UnavailableError(`writing to the log of the store failed: ${cause.message}`, { cause, unknown: true });
    });
    file.end += bytes.length;
    file.last = this.#number = number;
    return number;
  }

  /** Frames up to `number` are in the tables, durable. */
  release(number: number): void { this.#released = number; }

  /** Whether all frames are in the tables. */
  get empty(): boolean { return this.#number === this.#released; }

  close(): void {
    for (const { handle } of this.#files) closeSync(handle);
    if (this.empty) removeLog(this.#directory);
  }

  async #placeFor(bytes: number): Promise<LogFile> {
    for (;;) {
      const [file, other] = [this.#files[this.#current]!, this.#files[1 - this.#current]!];
      if (file.end + bytes <= file.size) return file;
      if (file.last <= this.#released && file.size >= bytes) {
        file.end = 0;
        return file;
      }
      if (other.last <= this.#released && (other.size >= bytes || file.size >= GROW_BYTES)) {
        this.#current = 1 - this.#current;
        other.end = 0;
        if (bytes > other.size) await this.#grow(other, bytes);
        return other;
      }
      if (file.last <= this.#released) file.end = 0;
      if (file.end === 0 || file.size < FILE_BYTES_MAX) {
        await this.#grow(file, bytes);
        return file;
      }
      await this.#options.makeRoom();
    }
  }

  /** @throws DiskFullError */
  async #grow(file: LogFile, bytes: number): Promise<void> {
    const space = Buffer.alloc(Math.ceil((file.end + bytes - file.size) / GROW_BYTES) * GROW_BYTES);
    if (!this.#options.hasRoom(space.length)) throw new DiskFullError(DISK_FULL);
    try {
      await writeAll(file.handle, space, file.size);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOSPC') throw new DiskFullError(DISK_FULL);
      throw new UnavailableError(`writing to the log of the store failed: ${(cause as Error).message}`, { cause, unknown: true });
    }
    file.size += space.length;
  }
}

/** Durable when it resolves. */
async function writeAll(handle: number, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await new Promise<number>((resolve, reject) => {
      write(handle, bytes, done, bytes.length - done, position + done, (error, written) => { if (error === null) resolve(written); else reject(error); });
    });
  }
  if (SYNCHRONOUS_WRITES) return;
  await new Promise<void>((resolve, reject) => { fdatasync(handle, (error) => { if (error === null) resolve(); else reject(error); }); });
}

export function removeLog(directory: string): void { for (const name of LOG_FILES) rmSync(join(directory, name), { force: true }); }

/**
 * The frames behind `mark.applied`, in order, without the last when a power cut has torn it.
 * @throws CorruptError when one that was durable is damaged or missing
 */
export function readLog(directory: string, { salt, applied }: LogMark): { readonly number: number; readonly frame: LogFrame }[] {
  const files = LOG_FILES.map((name) => join(directory, name)).filter((path) => existsSync(path)).map((path) => readFileSync(path));
  const places = new Map<number, FramePlace & { readonly file: Buffer }>();
  for (const file of files) {
    for (let offset = 0; offset < file.length; offset += LOG_PAGE_BYTES) {
      const place = frameAt(file, offset, salt);
      if (place !== undefined && place.number >= applied) places.set(place.number, { ...place, file });
    }
  }
  const frames: { number: number; frame: LogFrame }[] = [];
  let next = applied + 1;
  for (let place = places.get(next); place !== undefined; place = places.get(next)) {
    const frame = readFrame(place.file, place, salt);
    if (frame === undefined) break;
    frames.push({ number: next++, frame });
  }
  for (const number of places.keys()) if (number > next) throw new CorruptError(`record ${next} of the log is missing or damaged: record ${number} is there`);
  if (!places.has(next) && begun(files, places.get(next - 1), salt, next)) throw new CorruptError(`record ${next} of the log is damaged`);
  return frames;
}

/** Whether a frame without a whole header was written where it belongs: behind the one before, or at the beginning of a file. */
function begun(files: readonly Buffer[], before: (FramePlace & { readonly file: Buffer }) | undefined, salt: number, number: number): boolean {
  if (files.some((file) => beginsAt(file, 0, salt, number))) return true;
  return before !== undefined && beginsAt(before.file, before.offset + frameBytes(before.dataBytes), salt, number);
}
