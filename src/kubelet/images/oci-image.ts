/**
 * Builds a one-layer OCI image from files, as an OCI layout tar that `ctr images import` takes.
 *
 * Pure but for `entriesOfPath`, which reads a folder or a single file from disk. The image reference travels as the index
 * annotation `io.containerd.image.name`. The whole image passes through memory once.
 */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { tarChunks, type TarEntry } from './tar.ts';

export interface ImageConfig {
  entrypoint?: string[];
  cmd?: string[];
  env?: string[];
  workingDir?: string;
  user?: string;
  /** `80/tcp`. */
  exposedPorts?: string[];
  labels?: Record<string, string>;
  /** GOARCH words; default: this machine's. */
  architecture?: string;
}

/** Largest sum of file contents of one image. */
const IMAGE_BYTES_MAX = 4 * 1024 ** 3;

const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** GOARCH of this machine. */
export function goArchitecture(arch: string = process.arch): string {
  return GO_ARCHITECTURES[arch] ?? arch;
}

/** `docker.io/library/x:latest` for `x`, as containerd names images. */
export function fullReference(name: string): string {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const registry = first === 'localhost' || first.includes('.') || first.includes(':') ? name : slash === -1 ? `docker.io/library/${name}` : `docker.io/${name}`;
  const last = registry.slice(registry.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? registry : `${registry}:latest`;
}

/** @returns the pieces of the OCI layout tar, in order. */
export function ociImage(reference: string, entries: Iterable<TarEntry>, config: ImageConfig = {}): Buffer[] {
  const layerTar = Buffer.concat([...tarChunks(entries)]);
  const layer = blob(gzipSync(layerTar, { level: 6 }));
  const architecture = config.architecture ?? goArchitecture();
  const imageConfig = jsonBlob({
    architecture, os: 'linux',
    config: {
      ...(config.entrypoint === undefined ? {} : { Entrypoint: config.entrypoint }),
      ...(config.cmd === undefined ? {} : { Cmd: config.cmd }),
      Env: config.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      WorkingDir: config.workingDir ?? '/',
      ...(config.user === undefined ? {} : { User: config.user }),
      ...(config.exposedPorts === undefined ? {} : { ExposedPorts: Object.fromEntries(config.exposedPorts.map((port) => [port, {}])) }),
      ...(config.labels === undefined ? {} : { Labels: config.labels }),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layerTar)}`] },
  });
  const manifest = jsonBlob({
    schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...descriptor(imageConfig) },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...descriptor(layer) }],
  });
  const index = Buffer.from(JSON.stringify({
    schemaVersion: 2,
    manifests: [{
      mediaType: 'application/vnd.oci.image.manifest.v1+json', ...descriptor(manifest), platform: { architecture, os: 'linux' },
      annotations: { 'io.containerd.image.name': fullReference(reference), 'org.opencontainers.image.ref.name': tagOf(fullReference(reference)) },
    }],
  }));
  return [...tarChunks([
    directory('blobs'), directory('blobs/sha256'),
    ...[layer, imageConfig, manifest].map((part) => file(`blobs/sha256/${part.digest}`, part.content)),
    file('index.json', index), file('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
  ])];
}

/** A folder becomes the root of the image; a file becomes `/<its name>`. Owners become root. @throws Error beyond the limit. */
export function entriesOfPath(path: string): TarEntry[] {
  const entries: TarEntry[] = [];
  let total = 0;
  const add = (source: string, target: string): void => {
    const stat = lstatSync(source);
    const meta = { mode: stat.mode & 0o7777, mtime: Math.floor(stat.mtimeMs / 1000) };
    if (stat.isDirectory()) {
      if (target !== '') entries.push({ path: target, type: 'directory', ...meta });
      for (const name of readdirSync(source).sort()) add(join(source, name), target === '' ? name : `${target}/${name}`);
    } else if (stat.isSymbolicLink()) {
      entries.push({ path: target, type: 'symlink', linkTarget: readlinkSync(source), ...meta });
    } else if (stat.isFile()) {
      total += stat.size;
      if (total > IMAGE_BYTES_MAX) throw new Error(`the files of ${path} exceed ${IMAGE_BYTES_MAX} bytes`);
      entries.push({ path: target, type: 'file', content: readFileSync(source), ...meta });
    }
  };
  add(path, lstatSync(path).isDirectory() ? '' : basename(path));
  return entries;
}

/** The sandbox image: one static init program (catatonit's `-P` waits and reaps). */
export function pauseImage(reference: string, program: Buffer): Buffer[] {
  return ociImage(reference, [file('pause', program, 0o755)], { entrypoint: ['/pause', '-P'], user: '65535:65535' });
}

export function file(path: string, content: Buffer, mode = 0o644): TarEntry {
  return { path, type: 'file', mode, content };
}

function directory(path: string): TarEntry {
  return { path, type: 'directory', mode: 0o755 };
}

interface Blob { content: Buffer; digest: string }

function blob(content: Buffer): Blob {
  return { content, digest: sha256(content) };
}

function jsonBlob(value: unknown): Blob {
  return blob(Buffer.from(JSON.stringify(value)));
}

function descriptor(part: Blob): { digest: string; size: number } {
  return { digest: `sha256:${part.digest}`, size: part.content.length };
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function tagOf(reference: string): string {
  return reference.slice(reference.lastIndexOf(':') + 1);
}
