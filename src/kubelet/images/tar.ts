/**
 * A ustar writer: enough of tar for container image layers and OCI layouts.
 *
 * Names beyond 100 bytes and sizes beyond 8 GiB go into pax records. Output depends on the entries only (time 0 unless given).
 */

export interface TarEntry {
  /** Relative, without a leading slash; directories may end with one. */
  path: string;
  type: 'file' | 'directory' | 'symlink' | 'hardlink';
  mode: number;
  uid?: number;
  gid?: number;
  /** Seconds since the epoch. */
  mtime?: number;
  linkTarget?: string;
  content?: Buffer;
}

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
const OCTAL_SIZE_MAX = 8 ** 11;
const TYPE_FLAGS: Readonly<Record<TarEntry['type'], string>> = { file: '0', hardlink: '1', symlink: '2', directory: '5' };

/** Yields the archive piece by piece, end marker included. */
export function* tarChunks(entries: Iterable<TarEntry>): Generator<Buffer> {
  for (const entry of entries) yield* entryChunks(entry);
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function* entryChunks(entry: TarEntry): Generator<Buffer> {
  const content = entry.type === 'file' ? (entry.content ?? Buffer.alloc(0)) : Buffer.alloc(0);
  const path = entry.type === 'directory' && !entry.path.endsWith('/') ? `${entry.path}/` : entry.path;
  const pax = paxRecords(path, entry.linkTarget ?? '', content.length);
  if (pax.length > 0) {
    yield header('pax', 'x', pax.length, { mode: 0o644 }, '');
    yield* padded(pax);
  }
  yield header(path, TYPE_FLAGS[entry.type], content.length, entry, entry.linkTarget ?? '');
  yield* padded(content);
}

function* padded(content: Buffer): Generator<Buffer> {
  if (content.length === 0) return;
  yield content;
  const rest = content.length % BLOCK_BYTES;
  if (rest > 0) yield Buffer.alloc(BLOCK_BYTES - rest);
}

function header(path: string, flag: string, size: number, entry: Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'mtime'>, linkTarget: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, offset: number, width: number): void => { block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1'); };
  Buffer.from(path).copy(block, 0, 0, NAME_BYTES_MAX);
  octal(entry.mode & 0o7777, 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(Math.min(size, OCTAL_SIZE_MAX - 1), 124, 12);
  octal(entry.mtime ?? 0, 136, 12);
  block.fill(' ', 148, 156);
  block.write(flag, 156, 'latin1');
  Buffer.from(linkTarget).copy(block, 157, 0, NAME_BYTES_MAX);
  block.write('ustar\x0000', 257, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function paxRecords(path: string, linkTarget: string, size: number): Buffer {
  const records: Buffer[] = [];
  if (Buffer.byteLength(path) > NAME_BYTES_MAX) records.push(paxRecord('path', path));
  if (Buffer.byteLength(linkTarget) > NAME_BYTES_MAX) records.push(paxRecord('linkpath', linkTarget));
  if (size >= OCTAL_SIZE_MAX) records.push(paxRecord('size', String(size)));
  return Buffer.concat(records);
}

/** `<length> key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const body = Buffer.byteLength(` ${key}=${value}\n`);
  let length = body + String(body).length;
  if (String(length).length !== String(body).length) length = body + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}
