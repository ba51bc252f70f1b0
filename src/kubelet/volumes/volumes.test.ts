import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { seededRandom } from '#base/random';
import type { ConfigMap, Pod, Volume } from '#api/generated/core/v1';
import { podPaths } from '../paths.ts';
import { writeAtomically, type Payload } from './atomic-writer.ts';
import { checkHostPath } from './host-path.ts';
import { systemMounter } from './mounts.ts';
import type { PayloadSources } from './payloads.ts';
import { bindSubPath } from './subpath.ts';
import { createVolumeManager } from './volume-manager.ts';

const isRoot = process.getuid?.() === 0;
const deps = { clock: systemClock, random: seededRandom(1) };
const payload = (files: Record<string, string>): Payload => new Map(Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o640 }]));

let root: string;
before(() => { root = mkdtempSync(join(tmpdir(), 'kn-volumes-')); });
after(() => rmSync(root, { recursive: true }));
const dirOf = (name: string): string => { const dir = join(root, name); mkdirSync(dir); return dir; };

describe('atomic writer', () => {
  it('swaps whole versions, removes what is gone, writes nothing twice', async () => {
    const dir = dirOf('atomic');
    assert.equal(await writeAtomically(dir, payload({ a: '1', 'sub/b': '2' }), deps), true);
    const first = readlinkSync(join(dir, '..data'));
    assert.deepEqual([readFileSync(join(dir, 'a'), 'utf8'), readFileSync(join(dir, 'sub/b'), 'utf8'), readlinkSync(join(dir, 'sub'))], ['1', '2', '..data/sub']);
    assert.equal(lstatSync(join(dir, first, 'a')).mode & 0o777, 0o640);
    assert.equal(await writeAtomically(dir, payload({ a: '1', 'sub/b': '2' }), deps), false);
    assert.equal(await writeAtomically(dir, payload({ a: '3' }), deps), true);
    assert.equal(readFileSync(join(dir, 'a'), 'utf8'), '3');
    assert.ok(!existsSync(join(dir, 'sub')) && !existsSync(join(dir, first)));
    assert.equal(await writeAtomically(dir, payload({}), deps), true);
    assert.ok(!existsSync(join(dir, 'a')));
  });
  for (const path of ['../x', '/x', 'a/../../x', '..x', '']) {
    it(`refuses ${JSON.stringify(path)}`, async () => { await assert.rejects(writeAtomically(root, payload({ [path]: 'x' }), deps), /invalid path/); });
  }
});

describe('hostPath types', () => {
  it('checks and makes', async () => {
    const dir = dirOf('host');
    writeFileSync(join(dir, 'file'), '');
    await checkHostPath(join(dir, 'file'), 'File');
    await checkHostPath(join(dir, 'made/deep'), 'DirectoryOrCreate');
    await checkHostPath(join(dir, 'new'), 'FileOrCreate');
    await assert.rejects(checkHostPath(join(dir, 'file'), 'Directory'), { message: `hostPath type check failed: ${join(dir, 'file')} is not a directory` });
    await assert.rejects(checkHostPath(join(dir, 'none'), 'Socket'), { message: `hostPath type check failed: ${join(dir, 'none')} is not a socket file` });
    await assert.rejects(checkHostPath(join(dir, 'none/new'), 'FileOrCreate'), { code: 'ENOENT' });
  });
});

describe('subpaths', { skip: isRoot ? false : 'needs root' }, () => {
  it('binds inside the volume, never outside of it', async () => {
    const volume = dirOf('subpath-volume');
    const target = join(root, 'subpath-target');
    const bind = (subPath: string): Promise<void> => bindSubPath(systemMounter, volume, subPath, target, { create: true });
    await bind('a/b');
    writeFileSync(join(target, 'x'), 'y');
    assert.equal(readFileSync(join(volume, 'a/b/x'), 'utf8'), 'y');
    assert.equal(statSync(join(volume, 'a')).mode & 0o777, statSync(volume).mode & 0o777);
    await bind('a/b'); // again: the same mount
    await systemMounter.unmount(target);
    assert.equal(await systemMounter.isMounted(target), false);
    symlinkSync('/etc', join(volume, 'escape'));
    await assert.rejects(bind('escape'), /symbolic link/);
    await assert.rejects(bind('escape/passwd'), /symbolic link/);
    await assert.rejects(bind('../x'), /must not contain/);
    await assert.rejects(bind('/etc'), /must be a relative path/);
    await writeAtomically(volume, payload({ key: 'v' }), deps);
    rmSync(target, { recursive: true });
    await bind('key');
    assert.equal(readFileSync(target, 'utf8'), 'v');
    await systemMounter.unmount(target);
  });
});

describe('volume manager', { skip: isRoot ? false : 'needs root' }, () => {
  const maps = new Map<string, ConfigMap>([['settings', { metadata: { name: 'settings' }, data: { a: '1' } }]]);
  const sources: PayloadSources = {
    configMap: async (_namespace, name) => maps.get(name), secret: async () => ({ metadata: {}, data: { k: Buffer.from('s').toString('base64') } }), token: async () => 'tok',
    network: () => ({ podIps: [], hostIps: [] }), allocatable: () => ({}),
  };
  const podOf = (volumes: Volume[], group?: number): Pod => ({
    metadata: { name: 'p', namespace: 'n', uid: 'u1', labels: { app: 'p' } },
    spec: { volumes, containers: [{ name: 'c', volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/${name}` })) }], ...(group === undefined ? {} : { securityContext: { fsGroup: group } }) },
  });
  const signal = new AbortController().signal;

  it('sets volumes up, updates them, keeps them when the source goes, takes all down', async () => {
    const paths = podPaths(join(root, 'kubelet'), '/l');
    const make = () => createVolumeManager({ paths, mounter: systemMounter, sources, persistent: { setUp: async () => { throw new Error('no'); } }, ...deps, log: silentLogger });
    let manager = make();
    const pod = podOf([
      { name: 'cm', configMap: { name: 'settings' } }, { name: 'sec', secret: { secretName: 'x', defaultMode: 0o400 } }, { name: 'mem', emptyDir: { medium: 'Memory' } },
      { name: 'all', projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }] } },
    ], 1001);
    assert.deepEqual(await manager.mountPod(pod, signal), []);
    const mounts = await manager.containerMounts(pod, pod.spec!.containers[0]!, new Map());
    const at = Object.fromEntries(mounts.map((mount) => [mount.containerPath, mount.hostPath]));
    assert.equal(readFileSync(join(at['/cm']!, 'a'), 'utf8'), '1');
    assert.equal(readFileSync(join(at['/all']!, 'labels'), 'utf8'), 'app="p"');
    const secret = statSync(join(at['/sec']!, 'k'));
    assert.deepEqual([secret.mode & 0o777, secret.gid], [0o440, 1001]);
    assert.equal(statSync(join(at['/all']!, 'token')).mode & 0o777, 0o640);
    assert.equal(statSync(at['/mem']!).mode & 0o777, 0o777);
    assert.deepEqual(mounts.map((mount) => mount.readonly), [true, true, false, true]);
    maps.set('settings', { metadata: { name: 'settings' }, data: { a: '2' } });
    await manager.mountPod(pod, signal);
    assert.equal(readFileSync(join(at['/cm']!, 'a'), 'utf8'), '2');
    maps.delete('settings');
    manager = make(); // a restarted kubelet
    assert.deepEqual(await manager.mountPod(pod, signal), [{ volume: 'cm', message: 'configmap "settings" not found', missing: false }]);
    await manager.unmountPod(pod);
    assert.deepEqual(await systemMounter.below(paths.pod('u1')), []);
    assert.ok(!existsSync(paths.volumes('u1')));
    await manager.removeOrphans(() => false);
    assert.ok(!existsSync(paths.pod('u1')));
  });
});
