/**
 * `kubernode snapshot save|restore|inspect`: the state of a cluster in one file.
 *
 *     save      of a running cluster through its API server, of a stopped one from its store
 *     restore   into a stopped cluster; the store that was there is kept beside it
 *
 * The keys and certificates of the cluster (`<data-dir>/pki`) are not in it: a snapshot goes back to a cluster with the same ones.
 */
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SNAPSHOT_PATH } from '#apiserver/snapshot-route';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { TransportError } from '#client/transport';
import { CorruptError } from '#storage/contract';
import { checkStore, compactStore, restoreStore } from '#storage/embedded/offline';
import { restoreInto } from '#storage/restore';
import { inspectSnapshot, saveSnapshot, type SnapshotInspection } from '#storage/snapshot';
import { loadClusterConfig } from './cluster-config.ts';
import { clusterPaths } from './layout.ts';
import { openStorage, serverStorage, storageSettings, type StorageFlags, type StorageSettings } from './storage-engine.ts';
import { terminalProgress, UserError } from './terminal.ts';

interface SaveOptions { dataDir: string; kubeconfig?: string; force?: boolean }
interface RestoreOptions extends StorageFlags { dataDir: string; replace?: boolean }

export async function saveCommand(file: string, options: SaveOptions): Promise<void> {
  const path = resolve(file);
  if (!existsSync(dirname(path))) throw new UserError(`${dirname(path)} does not exist: make the folder first, or name another file`);
  if (existsSync(path) && options.force !== true) throw new UserError(`${path} exists: name another file, or say --force to replace it`);
  const progress = terminalProgress();
  await progress.stage('save', async () => {
    if (!await saveFromServer(path, options)) await saveFromStore(path, options);
  });
  progress.note(summaryLine(path, await inspect(path)));
}

/** @returns false when no API server answers. */
async function saveFromServer(path: string, options: SaveOptions): Promise<boolean> {
  const kubeconfig = options.kubeconfig ?? clusterPaths(options.dataDir).adminKubeconfig;
  if (!existsSync(kubeconfig)) {
    if (options.kubeconfig !== undefined) throw new UserError(`${kubeconfig}: no such file`);
    return false;
  }
  const transport = await transportFromKubeconfig(kubeconfig, systemClock);
  try {
    const answer = await transport.request({ method: 'GET', path: SNAPSHOT_PATH });
    if (answer.status !== 200) {
      answer.cancel();
      throw new UserError(answer.status === 403 || answer.status === 401
        ? `the user of ${kubeconfig} may not take snapshots: use the administrator's kubeconfig (kubernode kubeconfig)`
        : `the API server answered ${answer.status} to ${SNAPSHOT_PATH}: is it a kubernode of this version?`);
    }
    await receive(path, answer.body);
    return true;
  } catch (error) {
    if (error instanceof TransportError && error.neverSent && options.kubeconfig === undefined) return false;
    if (error instanceof TransportError) throw new UserError(`the API server of ${kubeconfig} cannot be reached: ${error.message}`);
    throw error;
  } finally {
    await transport.close();
  }
}

/** Beside its name until it is known to be whole. */
async function receive(path: string, body: AsyncIterable<Buffer>): Promise<void> {
  const draft = `${path}.partial`;
  try {
    await pipeline(Readable.from(body), createWriteStream(draft, { mode: 0o600, flush: true } as object));
    await inspectSnapshot(draft);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    if (error instanceof CorruptError || error instanceof TransportError) throw new UserError(`the snapshot broke off (${error.message}): try again; kubernode logs control-plane tells more`);
    throw error;
  }
}

async function saveFromStore(path: string, options: SaveOptions): Promise<void> {
  const settings = settingsOf(options.dataDir);
  if (settings.engine === 'memory') throw new UserError('the API server does not answer, and what it held in memory went with it');
  const directory = clusterPaths(options.dataDir).storage;
  if (settings.engine === 'embedded' && !existsSync(join(directory, 'data.mdb'))) throw new UserError(`there is no cluster in ${options.dataDir}: name its --data-dir`);
  const storage = await opened(() => openStorage(settings, directory, silentLogger), options.dataDir);
  try {
    await saveSnapshot(storage, path, systemClock);
  } finally {
    await storage.close();
  }
}

export async function restoreCommand(file: string, options: RestoreOptions): Promise<void> {
  const path = resolve(file);
  const snapshot = await inspect(path);
  const settings = settingsOf(options.dataDir, options);
  if (settings.engine === 'memory') throw new UserError('this cluster keeps its state in memory: there is nothing to restore into');
  const progress = terminalProgress();
  if (settings.engine === 'etcd') {
    const storage = await openStorage(settings, '', silentLogger);
    try {
      if ((await storage.status()).keys > 0) throw new UserError('etcd already holds keys: restore into an empty etcd cluster');
      await progress.stage('restore into etcd', () => restoreInto(storage, path, { clock: systemClock }));
    } finally {
      await storage.close();
    }
  } else {
    const kept = await progress.stage('restore', () => restoreEmbedded(path, options));
    if (kept !== undefined) progress.note(`What was there before is kept in ${kept}: remove it when you no longer need it.`);
  }
  progress.note(`${snapshot.keys} keys as of ${snapshot.createdAt} are back. Start the cluster again: kubernode up --data-dir ${options.dataDir}`);
}

/** @returns where the store that was there lies now. */
async function restoreEmbedded(path: string, options: RestoreOptions): Promise<string | undefined> {
  const directory = clusterPaths(options.dataDir).storage;
  let kept: string | undefined;
  if (existsSync(join(directory, 'data.mdb'))) {
    if (options.replace !== true) throw new UserError(`${directory} already holds a store: say --replace to put the snapshot in its place (the old store is kept beside it)`);
    // Reading the store claims it as a server would: a running one is not pulled away from under its users.
    await opened(() => checkStore(directory, systemClock).catch((error: unknown) => { if (!(error instanceof CorruptError)) throw error; }), options.dataDir);
    kept = `${directory}.${new Date(systemClock.now()).toISOString().replace(/[:.]/g, '-')}`;
    renameSync(directory, kept);
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    await opened(() => restoreStore(directory, path, { clock: systemClock }), options.dataDir);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    if (kept !== undefined) renameSync(kept, directory);
    throw error;
  }
  return kept;
}

export async function inspectCommand(file: string, options: { output?: string }): Promise<void> {
  const found = await inspect(resolve(file));
  if (options.output === 'json') { process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`); return; }
  const { groups, ...summary } = found;
  for (const [name, value] of Object.entries(summary)) process.stdout.write(`${name.padEnd(12)}${value}\n`);
  process.stdout.write(`\n${'PREFIX'.padEnd(52)}${'KEYS'.padStart(8)}${'BYTES'.padStart(14)}\n`);
  for (const group of groups) process.stdout.write(`${group.prefix.padEnd(52)}${String(group.keys).padStart(8)}${String(group.bytes).padStart(14)}\n`);
}

export async function checkCommand(options: { dataDir: string; output?: string }): Promise<void> {
  const directory = embeddedDirectory(options.dataDir);
  const result = await opened(() => checkStore(directory, systemClock), options.dataDir);
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  else process.stdout.write(`revision ${result.revision}, ${result.keys} keys, ${result.records} records, ${result.fileBytes} bytes: ${result.damaged.length === 0 ? 'whole' : `${result.damaged.length} damaged values`}\n`);
  if (result.damaged.length === 0) return;
  throw new UserError(`${result.damaged.slice(0, 20).join('\n')}\nwhat is not damaged can still be served; to go back to a snapshot: kubernode snapshot restore FILE --replace --data-dir ${options.dataDir}`);
}

export async function compactCommand(options: { dataDir: string }): Promise<void> {
  const directory = embeddedDirectory(options.dataDir);
  const { before, after } = await opened(() => compactStore(directory, systemClock), options.dataDir);
  process.stdout.write(`${before} bytes before, ${after} after\n`);
}

function embeddedDirectory(dataDir: string): string {
  const directory = clusterPaths(dataDir).storage;
  if (!existsSync(join(directory, 'data.mdb'))) throw new UserError(`there is no embedded store in ${directory}: name the cluster's --data-dir`);
  return directory;
}

function settingsOf(dataDir: string, flags: StorageFlags = {}): StorageSettings {
  if (flags.etcdServers !== undefined) return storageSettings({ ...flags, storage: 'etcd' });
  return loadClusterConfig(dataDir)?.storage ?? serverStorage(dataDir);
}

/** The store's own words, and what to do about them. */
async function opened<T>(open: () => Promise<T>, dataDir: string): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (/in use|is open/.test(message)) throw new UserError(`${message}: stop the cluster first (kubernode down --data-dir ${dataDir})`);
    if (error instanceof CorruptError) throw new UserError(message);
    throw error;
  }
}

async function inspect(path: string): Promise<SnapshotInspection> {
  if (!existsSync(path) || !statSync(path).isFile()) throw new UserError(`${path}: no such file; kubernode snapshot save FILE makes one`);
  try {
    return await inspectSnapshot(path);
  } catch (error) {
    if (error instanceof CorruptError) throw new UserError(`${error.message}: use another snapshot`);
    throw error;
  }
}

function summaryLine(path: string, { keys, bytes, revision }: SnapshotInspection): string {
  return `${path}: ${keys} keys as of revision ${revision}, ${bytes} bytes. It holds the cluster's secrets: keep it where only you can read it.`;
}
