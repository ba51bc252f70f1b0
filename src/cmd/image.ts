/**
 * `kubernode image build|load|list`: images without a registry. What is built or loaded goes into the store of every running node,
 * and is kept below the data directory for nodes that come later.
 */
import { createReadStream, existsSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { importImage } from '#kubelet/images/import-image';
import { entriesOfPath, fullReference, ociImage, type ImageConfig } from '#kubelet/images/oci-image';
import { clusterPaths } from './layout.ts';
import { machineSocket } from './local-cluster.ts';
import { machineNodeSettings } from './machine-node.ts';
import { createNodeMachine } from './machine/node-machine.ts';
import { run } from './shell.ts';
import { terminalProgress, UserError } from './terminal.ts';
import { requireCluster } from './up.ts';

interface BuildOptions { dataDir: string; tag: string; entrypoint?: string[]; cmd?: string[]; env?: string[]; workdir?: string; user?: string }

/** @param source a folder (the image's root file system) or one static program. */
export async function buildImage(source: string, options: BuildOptions): Promise<void> {
  if (!existsSync(source)) throw new UserError(`${source}: no such file or folder`);
  const stores = imageStores(options.dataDir);
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
  const { images } = clusterPaths(resolve(options.dataDir));
  const file = join(images, `${encodeURIComponent(reference)}.tar`);
  mkdirSync(images, { recursive: true });
  writeFileSync(file, Buffer.concat(chunks));
  await loadInto(stores, file);
}

export async function loadImage(file: string, options: { dataDir: string }): Promise<void> {
  if (!existsSync(file)) throw new UserError(`${file}: no such file`);
  await loadInto(imageStores(options.dataDir), file);
}

interface ImageStore { readonly node: string; readonly socket: string }

/** Of the nodes that run: those of a local cluster, or this machine as a node of `kubernode server` or `agent`. @throws UserError when there is none. */
function imageStores(dataDir: string): ImageStore[] {
  const settings = machineNodeSettings(dataDir);
  if (settings !== undefined) {
    const socket = settings.runtimeEndpoint.replace(/^unix:\/\//, '');
    if (!existsSync(socket)) throw new UserError(`the container runtime of ${settings.name} does not run: start kubernode server or agent first`);
    return [{ node: settings.name, socket }];
  }
  const config = requireCluster(dataDir);
  const stores = config.nodes.map((node) => ({ node, machine: createNodeMachine(config, node) })).filter(({ machine }) => machine.initPid() !== undefined)
    .map(({ node, machine }) => ({ node: node.name, socket: machineSocket(machine) }));
  if (stores.length === 0) throw new UserError(`no node runs: start the cluster with kubernode up --data-dir ${dataDir}`);
  return stores;
}

async function loadInto(stores: readonly ImageStore[], file: string): Promise<void> {
  const progress = terminalProgress();
  for (const { node, socket } of stores) await progress.stage(`load into ${node}`, () => importImage(createReadStream(file), { socket }));
}

export async function listImages(options: { dataDir: string }): Promise<void> {
  for (const { node, socket } of imageStores(options.dataDir)) {
    const names = (await run('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'list', '-q'])).split('\n').filter((name) => name !== '' && !name.startsWith('sha256:'));
    for (const name of names) process.stdout.write(`${node}\t${name}\n`);
  }
}
