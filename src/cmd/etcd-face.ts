/**
 * `--etcd-listen`: etcd's API on the store of this control plane, for etcd's tools and for API servers that share it.
 *
 * Off unless asked for. TCP end points take clients that show a certificate of an authority made for nothing else
 * (`<data-dir>/pki/etcd/ca.crt`); one for such a client is made beside it (`client.crt`, `client.key`).
 */
import { isIP } from 'node:net';
import type { Logger } from '#base/log';
import type { ClusterPki } from '#pki/cluster-pki';
import type { StorageEngine } from '#storage/contract';
import type { MvccStore } from '#storage/mvcc/mvcc-store';
import { listenFailure, UserError } from './terminal.ts';

export interface RunningFace { close(): Promise<void> }

/** @throws UserError */
export function etcdListenAddresses(text: string): string[] {
  const addresses = text.split(',').map((one) => one.trim()).filter((one) => one !== '');
  if (addresses.length === 0) throw new UserError('--etcd-listen: name unix:///path or https://127.0.0.1:2379');
  for (const address of addresses) parseAddress(address);
  return addresses;
}

function parseAddress(address: string): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (address.startsWith('unix:///')) return { path: address.slice('unix://'.length) };
  const found = /^(?:https:\/\/)?(?:\[([0-9a-fA-F:]+)\]|([\w.-]+)):(\d{1,5})\/?$/.exec(address);
  const port = Number(found?.[3]);
  if (found === null || port > 65_535) throw new UserError(`--etcd-listen ${address}: unix:///path or https://address:port is expected (without TLS only on a unix socket)`);
  return { host: found[1] ?? found[2]!, port };
}

/** @param name of this control plane. @throws UserError when the engine is not of this process, or an address is taken. */
export async function openEtcdFace(storage: StorageEngine & { readonly mvcc?: MvccStore }, addresses: readonly string[] | undefined, { pki, log, name }: { pki: ClusterPki; log: Logger; name: string }): Promise<RunningFace> {
  if (addresses === undefined || addresses.length === 0) return { async close() { /* nothing listens */ } };
  if (storage.mvcc === undefined) throw new UserError('--etcd-listen shows the embedded store: with --storage etcd, ask that etcd itself');
  const { createEtcdFace } = await import('#storage/etcd-face/etcd-face');
  const face = createEtcdFace({ store: storage.mvcc, name });
  const where = addresses.map(parseAddress);
  const hosts = where.flatMap((one) => ('host' in one ? [one.host] : []));
  const { authority, authorityPath, serving, client } = pki.etcd({ addresses: hosts.filter((host) => isIP(host) !== 0), dnsNames: hosts.filter((host) => isIP(host) === 0) });
  const tls = { ca: authority.certificatePem, cert: serving.certificatePem, key: serving.privateKeyPem };
  try {
    for (const [i, one] of where.entries()) {
      const endpoint = await face.listen('path' in one ? one : { ...one, tls }).catch((error: unknown) => { throw listenFailure(error, addresses[i]!, '--etcd-listen'); });
      log.info('the store is served as etcd', { endpoint, ...('path' in one ? {} : { cacert: authorityPath, cert: client.certificatePath, key: client.keyPath }) });
    }
    return face;
  } catch (error) {
    await face.close();
    throw error;
  }
}
