/** Our own store behind etcd's API on a unix socket, when this build can do that. */
import { spawnSync } from 'node:child_process';
import { newDirectory, removeDirectory } from './child.ts';
import { startKubernode } from './kubernode.ts';

const PROGRAM = 'bin/kubernode';

/** Undefined: the build has no such face. */
export async function startEtcdFace(): Promise<{ readonly url: string; stop(): Promise<void> } | undefined> {
  const help = spawnSync(process.execPath, [PROGRAM, 'apiserver', '--help'], { encoding: 'utf8' }).stdout;
  if (!help.includes('--etcd-listen')) return undefined;
  const directory = newDirectory();
  const url = `unix://${directory}/etcd.sock`;
  const server = await startKubernode({ directory, flags: ['--etcd-listen', url] });
  return { url, async stop() { await server.stop(); removeDirectory(directory); } };
}
