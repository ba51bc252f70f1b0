/**
 * The kubectls that are installed beside the real one (`kubectl.1.27` … as Google's package has them) against one cluster: the
 * streaming commands, whose protocols changed from SPDY to WebSocket between versions, everyday ones, and the scripts of
 * `kubectl/containers`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort } from '#base/testing/free-ports';
import { busyboxRoot, canRunNodes, eventually, run, startLocalCluster, type LocalCluster, type Output } from './local-cluster.ts';
import { chosenKubectls, installedKubectls, type Kubectl } from './kubectl/binaries.ts';
import { closeDesk, openDesk, playAll, type Desk } from './kubectl/play.ts';

const MANIFEST = `
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {index.html: hello}
---
apiVersion: v1
kind: Pod
metadata: {name: tool, labels: {app: tool}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: sh, image: "busybox:1", command: [sh, -c, "echo started; while true; do read line && echo got $line || sleep 1; done"], stdin: true}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: httpd
        image: busybox:1
        command: [httpd, -f, -p, "8080", -h, /www]
        volumeMounts: [{name: page, mountPath: /www}]
      volumes: [{name: page, configMap: {name: page}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;
/** Protocols change slowly: every third version, and the newest. */
const VERSION_STEP = 3;
/** Older ones lack what is tried here. */
const MINOR_MIN = 27;
/** More than any buffer on the way holds. */
const FILE_BYTES = 2_000_000;

function everySo(kubectls: readonly Kubectl[]): Kubectl[] {
  return kubectls.filter((_kubectl, index) => index % VERSION_STEP === 0 || index === kubectls.length - 1);
}

const newEnough = ({ minor }: Kubectl): boolean => minor >= MINOR_MIN;
const versions = process.env['KUBECTL_VERSIONS'] === undefined ? everySo(installedKubectls().filter(newEnough)) : chosenKubectls().filter(newEnough);
/** Scripts take longer, and ask less of the protocols. */
const scripted = chosenKubectls().filter(newEnough);

describe('every kubectl', { skip: canRunNodes !== false ? canRunNodes : versions.length === 0 ? 'no kubectl is installed that is new enough' : false }, () => {
  let cluster: LocalCluster;
  let root: string;
  let files: string;

  before(async () => {
    root = busyboxRoot();
    files = mkdtempSync(join(tmpdir(), 'kubernode-kubectl-'));
    writeFileSync(join(files, 'sent'), Buffer.alloc(FILE_BYTES, 'kubernode '));
    cluster = await startLocalCluster();
    const built = await cluster.kubernode('image', 'build', root, '--tag', 'busybox:1', '--cmd', 'sh', '--env', 'PATH=/bin');
    assert.equal(built.code, 0, built.stderr);
    await cluster.apply(MANIFEST);
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/tool', '--timeout=60s');
  });

  after(async () => {
    for (const directory of [root, files]) rmSync(directory, { recursive: true, force: true });
    await cluster?.stop();
  });

  for (const kubectl of scripted) {
    describe(`scripts of ${kubectl.version}`, () => {
      let desk: Desk;
      before(() => { desk = openDesk(kubectl, cluster.kubeconfig); });
      after(() => closeDesk(desk));
      playAll(join(import.meta.dirname, 'kubectl/containers'), kubectl, () => desk);
    });
  }

  for (const { path: kubectl } of versions) {
    const tryIt = (args: readonly string[], input?: string): Promise<Output> =>
      cluster.tryKubectl(args, { kubectl, timeoutMs: 30_000, ...(input === undefined ? {} : { input }) });
    const ok = async (args: readonly string[], input?: string): Promise<string> => {
      const { code, stdout, stderr } = await tryIt(args, input);
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      return stdout;
    };

    describe(basename(kubectl), () => {
      test('exec: input, both outputs, exit codes, a terminal', async () => {
        assert.equal(await ok(['exec', '-i', 'tool', '--', 'cat'], 'hello'), 'hello');
        const failed = await tryIt(['exec', 'tool', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
        assert.deepEqual([failed.code, failed.stdout], [7, 'out\n']);
        assert.match(failed.stderr, /^err\n/);
        assert.equal((await tryIt(['exec', 'tool', '--', 'no-such-program'])).code, 1);
        const command = `stty rows 33 cols 99; ${kubectl} --kubeconfig ${cluster.kubeconfig} exec -it tool -- sh -c 'sleep 1; tty; stty size; exit 3'`;
        const terminal = await run('script', ['-qec', command, '/dev/null'], { timeoutMs: 30_000 });
        assert.match(terminal.stdout, /\/dev\/pts\/\d+\r\n33 99/);
        assert.equal(terminal.code, 3);
      });

      test('attach reaches the running program', async () => {
        const child = spawn(kubectl, ['--kubeconfig', cluster.kubeconfig, 'attach', '-i', 'tool'], { stdio: ['pipe', 'pipe', 'ignore'] });
        let seen = '';
        child.stdout.on('data', (chunk) => { seen += chunk; });
        const word = basename(kubectl);
        try {
          child.stdin.write(`${word}\n`);
          await eventually(async () => assert.match(seen, new RegExp(`got ${word}`)), 15_000);
        } finally {
          child.kill();
        }
      });

      test('cp both ways', async () => {
        await ok(['cp', join(files, 'sent'), 'tool:/tmp/file']);
        await ok(['cp', 'tool:/tmp/file', join(files, 'back')]);
        assert.ok(readFileSync(join(files, 'back')).equals(readFileSync(join(files, 'sent'))));
      });

      test('port-forward to a pod behind a service, several connections', async () => {
        const port = await freePort();
        const child = spawn(kubectl, ['--kubeconfig', cluster.kubeconfig, 'port-forward', 'service/web', `${port}:80`], { stdio: 'ignore' });
        try {
          const get = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5_000) });
          await eventually(async () => assert.equal(await (await get('/')).text(), 'hello'), 15_000);
          assert.deepEqual(await Promise.all(['/', '/none', '/'].map(async (path) => (await get(path)).status)), [200, 404, 200]);
        } finally {
          child.kill();
        }
      });

      test('logs and run', async () => {
        assert.match(await ok(['logs', 'tool', '--timestamps', '--limit-bytes=200']), /^\d{4}-\d\d-\d\dT[\d:.]+Z started\n/);
        const name = basename(kubectl).replaceAll('.', '-');
        assert.match(await ok(['run', name, '--image=busybox:1', '--restart=Never', '--rm', '-i', '-q', '--', 'cat'], 'through'), /through/);
      });

      test('everyday commands', async () => {
        const name = basename(kubectl).replaceAll('.', '-');
        const manifest = (value: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { key: value } });
        await ok(['apply', '-f', '-'], manifest('one'));
        const differs = await tryIt(['diff', '-f', '-'], manifest('two'));
        assert.deepEqual([differs.code, /^\+ {2}key: two$/m.test(differs.stdout)], [1, true], differs.stderr);
        await ok(['apply', '--server-side', '--force-conflicts', '-f', '-'], manifest('two'));
        await ok(['label', 'configmap', name, 'a=b']);
        assert.equal(await ok(['get', 'configmap', '-l', 'a=b', '-o', 'jsonpath={.items[0].data.key}']), 'two');
        assert.match(await ok(['get', 'pods', '-o', 'wide']), /^tool +1\/1 +Running .*node-1/m);
        assert.match(await ok(['describe', 'deployment', 'web']), /NewReplicaSet: +web-/);
        assert.match(await ok(['explain', 'pod.spec.containers']), /livenessProbe/);
        assert.match(await ok(['api-resources']), /^deployments +deploy +apps\/v1 +true +Deployment/m);
        assert.equal((await ok(['auth', 'can-i', 'create', 'pods'])).trim(), 'yes');
        await ok(['rollout', 'restart', 'deployment/web']);
        await ok(['rollout', 'status', 'deployment/web', '--timeout=30s']);
        await ok(['wait', '--for=condition=Available', 'deployment/web', '--timeout=20s']);
        await ok(['delete', 'configmap', name]);
        assert.match((await tryIt(['get', 'configmap', name])).stderr, /NotFound/);
      });
    });
  }
});
