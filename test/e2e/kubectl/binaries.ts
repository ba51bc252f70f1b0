/**
 * The kubectls of this machine: those installed beside each other by version (`kubectl.1.27` …, as Google's package has them), and
 * the one on the PATH. `KUBECTL_VERSIONS=all` takes each; without it the newest is enough. `KUBECTL_VERSIONS=1.28,1.30` takes these.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Older ones speak mostly of APIs that are gone. */
const MINOR_MIN = 20;

export interface Kubectl { readonly path: string; readonly minor: number; readonly version: string }

function versionOf(path: string): Kubectl | undefined {
  const { stdout } = spawnSync(path, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
  const version = /"gitVersion": "(v1\.(\d+)[^"]*)"/.exec(stdout ?? '');
  return version === null ? undefined : { path, minor: Number(version[2]), version: version[1]! };
}

/** One of each minor version, the oldest first. Google's dispatcher, which runs another by the server's version, is none. */
export function installedKubectls(): Kubectl[] {
  const onPath = spawnSync('sh', ['-c', 'command -v kubectl'], { encoding: 'utf8' }).stdout.trim();
  if (onPath === '') return [];
  const directory = dirname(realpathSync(onPath));
  const beside = readdirSync(directory).filter((name) => /^kubectl\.1\.\d+$/.test(name)).map((name) => join(directory, name));
  const found = new Map<number, Kubectl>();
  for (const path of [onPath, ...beside]) {
    const kubectl = versionOf(path);
    if (kubectl !== undefined && !kubectl.version.includes('dispatcher') && kubectl.minor >= MINOR_MIN) found.set(kubectl.minor, kubectl);
  }
  return [...found.values()].sort((a, b) => a.minor - b.minor);
}

export function chosenKubectls(installed = installedKubectls()): Kubectl[] {
  const wanted = process.env['KUBECTL_VERSIONS'] ?? '';
  if (wanted === '') return installed.slice(-1);
  return wanted === 'all' ? installed : installed.filter(({ minor }) => wanted.split(',').includes(`1.${minor}`));
}
