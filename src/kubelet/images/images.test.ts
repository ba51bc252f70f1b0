import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { describe, it } from 'node:test';
import type { Secret } from '#api/generated/core/v1';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { createFakeRuntime, fakeImage } from '../cri/testing/fake-runtime.ts';
import { containerConfigOf, sandboxConfigOf } from '../cri/testing/runtime-contract.ts';
import { credentialsFor, repositoryOf } from './credentials.ts';
import { createImageGc } from './image-gc.ts';
import { isImageName } from './image-manager.ts';
import { file, fullReference, ociImage } from './oci-image.ts';

const secretOf = (auths: Record<string, object>): Secret => ({ metadata: {}, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') } });

describe('registry credentials', () => {
  const secret = secretOf({
    'https://index.docker.io/v1/': { auth: Buffer.from('hub:pw:with:colons').toString('base64') }, 'registry.example:5000': { username: 'all', password: 'x' },
    'registry.example:5000/team': { username: 'team', password: 'y' }, '*.cloud.example': { username: 'glob', password: 'z' },
  });
  const cases: [string, (string | undefined)[]][] = [
    ['busybox', ['hub']], ['library/busybox:1', ['hub']], ['registry.example:5000/a/b:1', ['all']], ['registry.example:5000/team/b@sha256:00', ['team', 'all']],
    ['eu.cloud.example/x', ['glob']], ['a.eu.cloud.example/x', []], ['other.example/x', []],
  ];
  for (const [image, users] of cases) it(image, () => assert.deepEqual(credentialsFor(image, [secret]).map((auth) => auth.username), users));
  it('takes passwords with colons whole and bad secrets not at all', () => {
    assert.equal(credentialsFor('busybox', [secret])[0]?.password, 'pw:with:colons');
    assert.deepEqual(credentialsFor('busybox', [{ metadata: {}, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'bm90IGpzb24=' } }]), []);
  });
  it('names repositories', () => assert.deepEqual(['a', 'a/b:1', 'localhost/x', 'h:5/x/y:2@sha256:1'].map(repositoryOf), ['docker.io/library/a', 'docker.io/a/b', 'localhost/x', 'h:5/x/y']));
});

describe('image names', () => {
  for (const good of ['a', 'a:1', 'localhost/pause:1', 'registry.k8s.io/e2e/x-y_z:1.2', 'h:5000/a/b@sha256:0123456789abcdef0123456789abcdef']) it(`${good} is one`, () => assert.ok(isImageName(good)));
  for (const bad of ['', 'A', 'a b', 'h/A:1', 'a:', 'a//b', '/a', 'a@sha', `${'a'.repeat(5000)}`, ':x']) it(`${bad.slice(0, 10)} is none`, () => assert.ok(!isImageName(bad)));
  it('are completed', () => assert.deepEqual(['x', 'a/b:2', 'localhost/x', 'r.example/x@sha256:1'].map(fullReference), ['docker.io/library/x:latest', 'docker.io/a/b:2', 'localhost/x:latest', 'r.example/x@sha256:1']));
});

/** Files of a plain tar, by path. */
function untar(tar: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const name = tar.toString('utf8', at, tar.indexOf(0, at));
    const size = parseInt(tar.toString('latin1', at + 124, at + 135), 8);
    files.set(name, tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

describe('OCI image', () => {
  it('is a layout whose digests lead from index to layer', () => {
    const parts = untar(Buffer.concat(ociImage('localhost/x:1', [file('bin/x', Buffer.from('run'), 0o755)], { entrypoint: ['/bin/x'] })));
    const blob = (digest: string): Buffer => parts.get(`blobs/sha256/${digest.slice('sha256:'.length)}`)!;
    const index = JSON.parse(parts.get('index.json')!.toString());
    assert.equal(index.manifests[0].annotations['io.containerd.image.name'], 'localhost/x:1');
    const manifest = JSON.parse(blob(index.manifests[0].digest).toString());
    assert.deepEqual(JSON.parse(blob(manifest.config.digest).toString()).config.Entrypoint, ['/bin/x']);
    assert.equal(untar(gunzipSync(blob(manifest.layers[0].digest))).get('bin/x')!.toString(), 'run');
  });
});

describe('image collection', () => {
  it('removes the longest unused down to the low mark, never what is used or young', async () => {
    const clock = new VirtualClock();
    const runtime = createFakeRuntime(clock);
    for (const name of ['used', 'old', 'recent', 'localhost/pause:1']) runtime.images.set(name, { ...fakeImage(name), sizeBytes: 100 });
    const sandboxConfig = sandboxConfigOf({ logDirectory: '/l', cgroupParent: '/c' }, 'p');
    await runtime.createContainer(await runtime.runPodSandbox(sandboxConfig), containerConfigOf('used', ''), sandboxConfig);
    const failures: string[] = [];
    let availableBytes = 500;
    const gc = createImageGc({
      images: runtime, runtime, clock, log: silentLogger, diskUse: async () => ({ capacityBytes: 1_000, availableBytes }), highPercent: 85, lowPercent: 80, minimumAgeMs: 1_000, sandboxImage: 'localhost/pause:1',
      onFailure: (message) => failures.push(message),
    });
    await gc.collect();
    await clock.advance(10_000);
    runtime.images.set('young', { ...fakeImage('young'), sizeBytes: 100 });
    availableBytes = 100;
    await gc.collect();
    assert.deepEqual([...runtime.images.keys()].sort(), ['localhost/pause:1', 'recent', 'used', 'young']);
    availableBytes = 0;
    await gc.collect();
    assert.deepEqual([...runtime.images.keys()].sort(), ['localhost/pause:1', 'used', 'young']);
    assert.equal(failures[0], 'Failed to garbage collect required amount of images. Attempted to free 200 bytes, but only found 100 bytes eligible to free.');
  });
});
