/**
 * hostPath volumes: checks (or makes) what the type asks for.
 */
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** @throws Error with upstream's text when the path is not of the type. */
export async function checkHostPath(path: string, type: string | undefined): Promise<void> {
  if (type === undefined || type === '') return;
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === 'FileOrCreate' && !(await exists(path))) {
    // Only the file is made, never its directory.
    await stat(dirname(path));
    await (await open(path, 'a', 0o644)).close();
  }
  const found = await stat(path).catch(() => undefined);
  if (found === undefined && type !== 'DirectoryOrCreate' && type !== 'FileOrCreate') throw fault(`${path} ${NOUNS[type] ?? `is not a ${type}`}`);
  const good = found !== undefined && (
    type.startsWith('Directory') ? found.isDirectory() : type.startsWith('File') ? found.isFile() : type === 'Socket' ? found.isSocket()
      : type === 'CharDevice' ? found.isCharacterDevice() : type === 'BlockDevice' ? found.isBlockDevice() : false);
  if (!good) throw fault(`${path} ${NOUNS[type] ?? `is an invalid volume type ${type}`}`);
}

const NOUNS: Readonly<Record<string, string>> = {
  Directory: 'is not a directory', DirectoryOrCreate: 'is not a directory', File: 'is not a file', FileOrCreate: 'is not a file',
  Socket: 'is not a socket file', CharDevice: 'is not a character device', BlockDevice: 'is not a block device',
};

function fault(text: string): Error {
  return new Error(`hostPath type check failed: ${text}`);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}
