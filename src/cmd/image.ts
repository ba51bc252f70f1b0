/**
 * `kubernode image build|load|list`: images without a registry. What is built or loaded goes into the store of every running node,
 * and is kept below the data directory for nodes that come later.
 */
import { createReadStream, existsSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { importImage } from '#kubelet/images/import-image';
import { entriesOfPath, fullReference, ociImage, type ImageConfig } from '#kubelet/images/oci-image';
import type { ClusterConfig, NodeConfig } from './cluster-config.ts';
import { clusterPaths } from './layout.ts';
import { machineSocket } from './local-cluster.ts';
import { createNodeMachine } from './machine/node-machine.ts';
import { run } from './shell.ts';
import { terminalProgress, UserError } from './terminal.ts';
import { requireCluster } from './up.ts';

interface BuildOptions { dataDir: string; tag: string; entrypoint?: string[]; cmd?: string[]; env?: string[]; workdir?: string; user?: string }

/** @param source a folder (the image's root file system) or one static program. */
export async function buildImage(source: string, options: BuildOptions): Promise<void> {
  if (!existsSync(source)) throw new UserError(`${source}: no such file or folder`);
  const config = requireCluster(options.dataDir);
  const program = !lstatSync(source).isDirectory();
  const entrypoint = options.entrypoint ?? (program ? [`/${basename(source)}`] : undefined);
  const image: ImageConfig = {
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(options.cmd === undefined ? {} : { cmd: options.cmd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.workdir === undefined ? {} : { workingDir: options.workdir }),
    ...(options.user === undefined ? {} : { user: options.user }),
  };
  const reference = fullReference(options.tag);
  const progress = terminalProgress();
  const chunks = await progress.stage(`build ${reference}`, async () => ociImage(reference, entriesOfPath(source), image));
  const file = join(clusterPaths(config.dataDir).images, `${encodeURIComponent(reference)}.tar`);
  mkdirSync(clusterPaths(config.dataDir).images, { recursive: true });
  writeFileSync(file, Buffer.concat(chunks));
  await loadIntoNodes(config, file);
}

export async function loadImage(file: string, options: { dataDir: string }): Promise<void> {
  if (!existsSync(file)) throw new UserError(`${file}: no such file`);
  await loadIntoNodes(requireCluster(options.dataDir), file);
}

async function loadIntoNodes(config: ClusterConfig, file: string): Promise<void> {
  const progress = terminalProgress();
  const running = config.nodes.filter((node) => createNodeMachine(config, node).initPid() !== undefined);
  if (running.length === 0) throw new UserError('no node runs: start the cluster with kubernode up');
  for (const node of running) {
    await progress.stage(`load into ${node.name}`, () => importImage(createReadStream(file), { socket: socketOf(config, node) }));
  }
}

function socketOf(config: ClusterConfig, node: NodeConfig): string {
  return machineSocket(createNodeMachine(config, node));
}

export async function listImages(options: { dataDir: string }): Promise<void> {
  const config = requireCluster(options.dataDir);
  for (const node of config.nodes) {
    if (createNodeMachine(config, node).initPid() === undefined) continue;
    const names = (await run('ctr', ['-a', socketOf(config, node), '-n', 'k8s.io', 'images', 'list', '-q'])).split('\n').filter((name) => name !== '' && !name.startsWith('sha256:'));
    for (const name of names) process.stdout.write(`${node.name}\t${name}\n`);
  }
}
