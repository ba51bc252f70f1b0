/** Which storage engine a cluster uses, from flags or `cluster.json`, and how it is opened. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#base/clock';
import type { Logger } from '#base/log';
import type { StorageEngine } from '#storage/contract';
import { etcdListenAddresses } from './etcd-face.ts';
import { UserError } from './terminal.ts';

export const STORAGE_ENGINES = ['embedded', 'etcd', 'memory'] as const;

const ETCD_ANSWER_MS_MAX = 12_000;

/** The flags of every command that opens a store. */
export interface StorageFlags {
  readonly storage?: string;
  readonly etcdServers?: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly etcdUser?: string;
  readonly etcdPasswordFile?: string;
  readonly etcdListen?: string;
}

/** As kept in `cluster.json`: paths, never what the files hold. */
export interface StorageSettings {
  readonly engine: (typeof STORAGE_ENGINES)[number];
  readonly etcdServers?: readonly string[];
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly etcdUser?: string;
  readonly etcdPasswordFile?: string;
  /** Where the store is served as etcd. */
  readonly etcdListen?: readonly string[];
}

/** @throws UserError for an unknown engine, and for flags of etcd that do not fit together. */
export function storageSettings(flags: StorageFlags): StorageSettings {
  const { storage, etcdServers, etcdListen, ...files } = flags;
  const engine = storage ?? (etcdServers === undefined ? 'embedded' : 'etcd');
  if (!isEngine(engine)) throw new UserError(`there is no storage engine ${JSON.stringify(engine)}: use one of ${STORAGE_ENGINES.join(', ')}`);
  if (engine !== 'etcd') {
    if (etcdServers !== undefined) throw new UserError(`--etcd-servers does not go with --storage ${engine}: say --storage etcd, or leave it out`);
    return { engine, ...(etcdListen === undefined ? {} : { etcdListen: etcdListenAddresses(etcdListen) }) };
  }
  if (etcdListen !== undefined) throw new UserError('--etcd-listen shows the embedded store: with --storage etcd, ask that etcd itself');
  if (etcdServers === undefined) throw new UserError('--storage etcd needs --etcd-servers https://host:2379[,…]');
  if ((files.etcdCertfile === undefined) !== (files.etcdKeyfile === undefined)) throw new UserError('give --etcd-certfile and --etcd-keyfile together');
  if ((files.etcdUser === undefined) !== (files.etcdPasswordFile === undefined)) throw new UserError('give --etcd-user and --etcd-password-file together');
  const servers = etcdServers.split(',').map((one) => one.trim()).filter((one) => one !== '');
  for (const server of servers) checkServer(server);
  return {
    engine, etcdServers: servers,
    ...(files.etcdCafile === undefined ? {} : { etcdCafile: files.etcdCafile }),
    ...(files.etcdCertfile === undefined ? {} : { etcdCertfile: files.etcdCertfile, etcdKeyfile: files.etcdKeyfile! }),
    ...(files.etcdUser === undefined ? {} : { etcdUser: files.etcdUser, etcdPasswordFile: files.etcdPasswordFile! }),
  };
}

function isEngine(text: string): text is StorageSettings['engine'] {
  return (STORAGE_ENGINES as readonly string[]).includes(text);
}

function checkServer(server: string): void {
  if (server.startsWith('unix:///') || /^(https?:\/\/)?(\[[0-9a-fA-F:]+\]|[^:/\s[\]]+):\d{1,5}\/?$/.test(server)) return;
  throw new UserError(`--etcd-servers ${server}: https://host:2379 is expected, several separated by commas`);
}

/** Where the `kubernode server` of a data directory keeps its state. */
export function serverStorage(dataDir: string): StorageSettings {
  const path = join(dataDir, 'server.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { storage: StorageSettings }).storage : { engine: 'embedded' };
}

/** @param directory of the embedded engine. @throws UserError, and what the engine itself says. */
export async function openStorage(settings: StorageSettings, directory: string, log: Logger): Promise<StorageEngine> {
  switch (settings.engine) {
    case 'memory': return (await import('#storage/memory/memory-storage')).createMemoryStorage({ clock: systemClock });
    case 'etcd': return openEtcd(settings, log);
    default:
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return (await import('#storage/embedded/embedded-storage')).openEmbeddedStorage({
        directory, clock: systemClock, log,
        // What reached the disk is only known after opening it again: whoever runs this process starts it anew.
        onFailure: (error) => { log.error('the store has failed; ending to start again', { error }); process.exit(74); },
      });
  }
}

async function openEtcd(settings: StorageSettings, log: Logger): Promise<StorageEngine> {
  const { etcdServers: endpoints = [], etcdCafile, etcdCertfile, etcdKeyfile, etcdUser, etcdPasswordFile } = settings;
  const [{ openEtcdStorage }, { withSharedCompaction }] = await Promise.all([import('#storage/etcd/etcd-storage'), import('#storage/shared-compaction')]);
  if (endpoints.some((endpoint) => endpoint.startsWith('https://')) && etcdCafile === undefined) throw new UserError('--etcd-servers with https needs --etcd-cafile: the authority of etcd\'s certificates');
  const engine = withSharedCompaction(openEtcdStorage({
    endpoints, clock: systemClock, log,
    ...(etcdCafile === undefined ? {} : { tls: {
      ca: readFlagFile('--etcd-cafile', etcdCafile),
      ...(etcdCertfile === undefined ? {} : { cert: readFlagFile('--etcd-certfile', etcdCertfile), key: readFlagFile('--etcd-keyfile', etcdKeyfile!) }),
    } }),
    ...(etcdUser === undefined ? {} : { auth: { username: etcdUser, password: readFlagFile('--etcd-password-file', etcdPasswordFile!).toString('utf8').trim() } }),
  }));
  try {
    await engine.currentRevision(AbortSignal.timeout(ETCD_ANSWER_MS_MAX));
    return engine;
  } catch (error) {
    await engine.close();
    throw new UserError(`etcd at ${endpoints.join(', ')} does not serve: ${(error as Error).message}. Is it running, and are its address and credentials right?`);
  }
}

/** Opens and closes an etcd that is to be used, so that what is wrong with it is told at once. @throws UserError */
export async function probeStorage(settings: StorageSettings, log: Logger): Promise<void> {
  if (settings.engine === 'etcd') await (await openEtcd(settings, log)).close();
}

/** @throws UserError naming the flag when the file cannot be read. */
export function readFlagFile(flag: string, path: string): Buffer {
  if (!existsSync(path)) throw new UserError(`${flag} ${path}: no such file`);
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(`${flag} ${path}: ${(error as Error).message}`);
  }
}
