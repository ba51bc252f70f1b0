import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import { watchContainerdEvents, type RuntimeHint } from './containerd-events.ts';
import { createImageService } from './image-client.ts';
import { createRuntimeService } from './runtime-client.ts';
import { createFakeRuntime, fakeImage } from './testing/fake-runtime.ts';
import { BUSYBOX_IMAGE, containerdMissing, startPrivateContainerd, type PrivateContainerd } from './testing/private-containerd.ts';
import { containerConfigOf, runtimeContract, sandboxConfigOf } from './testing/runtime-contract.ts';

describe('fake runtime', () => {
  const runtime = createFakeRuntime(systemClock);
  runtime.images.set('busybox', fakeImage('busybox'));
  runtimeContract(() => ({ runtime, image: 'busybox', logDirectory: '/logs', cgroupParent: '/k', letExit: (id, code) => runtime.exit(id, code) }));
});

describe('containerd', { skip: containerdMissing() ?? false }, () => {
  let containerd: PrivateContainerd;
  let runtime: ReturnType<typeof createRuntimeService>;
  const underTest = () => ({ runtime, image: BUSYBOX_IMAGE, logDirectory: join(containerd.dir, 'logs'), cgroupParent: containerd.cgroupRoot, letExit: () => undefined });
  before(async () => {
    containerd = await startPrivateContainerd();
    mkdirSync(join(containerd.dir, 'logs'));
    runtime = createRuntimeService(containerd.endpoint);
  });
  after(async () => { runtime.close(); await containerd.stop(); });
  runtimeContract(underTest);

  it('streams events, runs commands, and knows its images', async () => {
    const stop = new AbortController();
    const hints: RuntimeHint[] = [];
    const watching = watchContainerdEvents({ endpoint: containerd.endpoint, clock: systemClock, onHint: (hint) => hints.push(hint) }, stop.signal);
    const sandboxConfig = sandboxConfigOf(underTest(), 'events');
    const sandbox = await runtime.runPodSandbox(sandboxConfig);
    const id = await runtime.createContainer(sandbox, containerConfigOf(BUSYBOX_IMAGE, 'sleep 60'), sandboxConfig);
    await runtime.startContainer(id);
    const result = await runtime.execSync(id, ['sh', '-c', 'echo $A; exit 3'], 5);
    assert.deepEqual([result.stdout.toString(), result.exitCode], ['b\n', 3]);
    await assert.rejects(runtime.execSync(id, ['sleep', '5'], 1), { code: 'deadline-exceeded' });
    await runtime.stopContainer(id, 0);
    for (let i = 0; i < 50 && !hints.some((hint) => hint.topic === '/tasks/exit' && hint.containerId === id); i++) await systemClock.sleep(20);
    assert.ok(hints.some((hint) => hint.topic === '/tasks/exit' && hint.containerId === id));
    await runtime.stopPodSandbox(sandbox);
    await runtime.removePodSandbox(sandbox);
    stop.abort();
    await watching;
    const images = createImageService(containerd.endpoint);
    assert.deepEqual((await images.imageStatus(BUSYBOX_IMAGE))?.repoTags, [BUSYBOX_IMAGE]);
    assert.equal(await images.imageStatus('localhost/absent:1'), undefined);
    images.close();
  });
});
