/**
 * What every `RuntimeService` must do, as named cases; run by the fake and by the real runtime.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CriError, type ContainerConfig, type RuntimeService, type SandboxConfig } from '../contract.ts';

export interface RuntimeUnderTest {
  runtime: RuntimeService;
  /** An image whose `sh -c TEXT` runs; there already. */
  image: string;
  logDirectory: string;
  cgroupParent: string;
  /** Makes a container that runs `exit N` end; a no-op where processes are real. */
  letExit(containerId: string, exitCode: number): void;
}

export function runtimeContract(underTest: () => RuntimeUnderTest): void {
  it('runs a pod with a container through its whole life', async () => {
    const { runtime, image, letExit } = underTest();
    const sandboxConfig = sandboxConfigOf(underTest(), 'life');
    const sandbox = await runtime.runPodSandbox(sandboxConfig);
    const status = await runtime.podSandboxStatus(sandbox);
    assert.equal(status.state, 'SANDBOX_READY');
    assert.equal(status.ips.length, 1);
    assert.equal(status.labels['io.kubernetes.pod.name'], 'life');
    const id = await runtime.createContainer(sandbox, containerConfigOf(image, 'read line; exit 7'), sandboxConfig);
    assert.equal((await runtime.containerStatus(id)).state, 'CONTAINER_CREATED');
    await runtime.startContainer(id);
    const running = await runtime.containerStatus(id);
    assert.equal(running.state, 'CONTAINER_RUNNING');
    assert.ok(running.startedAtMs >= running.createdAtMs);
    letExit(id, 7);
    await runtime.stopContainer(id, 1);
    await runtime.stopContainer(id, 1);
    const ended = await runtime.containerStatus(id);
    assert.equal(ended.state, 'CONTAINER_EXITED');
    assert.ok(ended.finishedAtMs >= ended.startedAtMs);
    await runtime.stopPodSandbox(sandbox);
    assert.equal((await runtime.podSandboxStatus(sandbox)).state, 'SANDBOX_NOTREADY');
    await runtime.removePodSandbox(sandbox);
    assert.deepEqual(await runtime.listPodSandboxes({ id: sandbox }), []);
    await assert.rejects(runtime.containerStatus(id), (error: unknown) => error instanceof CriError && error.code === 'not-found');
  });

  it('lists by labels and by sandbox', async () => {
    const { runtime, image } = underTest();
    const sandboxConfig = sandboxConfigOf(underTest(), 'listed');
    const sandbox = await runtime.runPodSandbox(sandboxConfig);
    const id = await runtime.createContainer(sandbox, containerConfigOf(image, 'true'), sandboxConfig);
    assert.deepEqual((await runtime.listPodSandboxes({ labels: { 'io.kubernetes.pod.name': 'listed' } })).map((entry) => entry.id), [sandbox]);
    assert.deepEqual(await runtime.listPodSandboxes({ labels: { 'io.kubernetes.pod.name': 'other' } }), []);
    assert.deepEqual((await runtime.listContainers({ podSandboxId: sandbox })).map((entry) => [entry.id, entry.metadata.name, entry.state]), [[id, 'main', 'CONTAINER_CREATED']]);
    await runtime.stopPodSandbox(sandbox);
    await runtime.removePodSandbox(sandbox);
    assert.deepEqual(await runtime.listContainers({ podSandboxId: sandbox }), []);
  });

  it('removing what is not there is no error', async () => {
    const { runtime } = underTest();
    await runtime.stopPodSandbox('absent');
    await runtime.removePodSandbox('absent');
    await runtime.removeContainer('absent');
  });
}

export function sandboxConfigOf(underTest: Pick<RuntimeUnderTest, 'logDirectory' | 'cgroupParent'>, name: string): SandboxConfig {
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, attempt: 0 }, hostname: name, logDirectory: underTest.logDirectory, portMappings: [],
    labels: { 'io.kubernetes.pod.name': name }, annotations: {},
    linux: { cgroupParent: `${underTest.cgroupParent}/${name}`, sysctls: {}, securityContext: { namespaceOptions: { network: 'POD', pid: 'CONTAINER', ipc: 'POD' } } },
  };
}

export function containerConfigOf(image: string, script: string): ContainerConfig {
  return {
    metadata: { name: 'main', attempt: 0 }, image: { image }, command: ['sh', '-c', script], args: [], workingDir: '', envs: [{ key: 'A', value: Buffer.from('b') }],
    mounts: [], devices: [], labels: { 'io.kubernetes.container.name': 'main' }, annotations: {}, logPath: 'main.log', stdin: true, stdinOnce: false, tty: false,
    linux: { resources: { cpuShares: 2 }, securityContext: {
      privileged: false, namespaceOptions: { network: 'POD', pid: 'CONTAINER', ipc: 'POD' }, readonlyRootfs: false, supplementalGroups: [], noNewPrivs: false,
      maskedPaths: [], readonlyPaths: [], seccomp: { profileType: 'Unconfined' },
    } },
  };
}
