/**
 * A value that was handed out without being read: it stays where it is until somebody looks at it.
 *
 * Invariant: as long as somebody holds it, it can be read, damage to the disk aside: before the version's row is removed, the
 * value is taken into memory (`keep`).
 */
import { CorruptError, type LentValue } from '../contract.ts';
import type { Version } from './version.ts';

export interface VersionReader {
  /** @throws CorruptError */
  valueOf(version: Version): Buffer;
  /** Of use until anything else is read. @throws CorruptError */
  peek(version: Version): Buffer;
}

export class LentVersion implements LentValue {
  readonly size: number;
  readonly #reader: VersionReader;
  #version: Version | undefined;
  #kept: Buffer | undefined;

  constructor(version: Version, reader: VersionReader) {
    this.size = version.size;
    this.#version = version;
    this.#reader = reader;
  }

  get value(): Buffer { return this.#kept ?? this.#reader.valueOf(this.#version!); }

  peek(): Buffer { return this.#kept ?? this.#version!.value ?? this.#reader.peek(this.#version!); }

  /** The version is about to go. */
  keep(): void {
    if (this.#version === undefined) return;
    try {
      this.#kept = this.#reader.valueOf(this.#version);
      this.#version = undefined;
    } catch (error) {
      // Damaged it is, and damaged it stays.
      if (!(error instanceof CorruptError)) throw error;
    }
  }
}
