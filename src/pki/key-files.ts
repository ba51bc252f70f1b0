/**
 * Certificates and keys as files: atomic writes, private keys readable by their owner only.
 *
 * A pair is written key first, certificate last; whoever finds a certificate finds its key. A directory of `undefined` keeps
 * everything in memory (the in-process test cluster).
 */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface KeyFiles {
  /** The text, or undefined when there is no such file. @throws Error when it cannot be read. */
  read(name: string): string | undefined;
  write(name: string, text: string, secret: boolean): void;
  /** Absolute path; undefined in memory. */
  path(name: string): string | undefined;
}

export function keyFiles(directory: string | undefined): KeyFiles {
  return directory === undefined ? memoryFiles() : diskFiles(directory);
}

function memoryFiles(): KeyFiles {
  const texts = new Map<string, string>();
  return { read: (name) => texts.get(name), write: (name, text) => { texts.set(name, text); }, path: () => undefined };
}

function diskFiles(directory: string): KeyFiles {
  const path = (name: string): string => join(directory, name);
  return {
    path,
    read: (name) => {
      try {
        return readFileSync(path(name), 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    write: (name, text, secret) => {
      mkdirSync(dirname(path(name)), { recursive: true, mode: 0o700 });
      const temporary = `${path(name)}.tmp`;
      const file = openSync(temporary, 'w', secret ? 0o600 : 0o644);
      try {
        writeSync(file, text);
        if (secret) chmodSync(temporary, 0o600);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path(name));
    },
  };
}
