import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, describe, it } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { systemClock } from '#base/clock';
import type { Container, Pod, Probe } from '#api/generated/core/v1';
import { CriError } from '../cri/contract.ts';
import { createFakeRuntime, fakeImage } from '../cri/testing/fake-runtime.ts';
import { containerConfigOf, sandboxConfigOf } from '../cri/testing/runtime-contract.ts';
import { httpRequestOf } from './http-probe.ts';
import { resolvePort } from './port.ts';
import { probeOnce } from './probe-once.ts';

const pod: Pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [] } };

describe('probes over the network', () => {
  let http: Server;
  let port = 0;
  let health: grpc.Server;
  let grpcPort = 0;
  before(async () => {
    http = createServer((request, response) => {
      const path = request.url ?? '/';
      if (path === '/slow') return;
      if (path === '/away') { response.writeHead(302, { Location: 'http://example.invalid/' }); response.end(); return; }
      if (path === '/here') { response.writeHead(302, { Location: '/ok' }); response.end(); return; }
      response.writeHead(path === '/bad' ? 503 : path === '/ok' ? 200 : 404);
      response.end(request.headers['x-test'] ?? 'body');
    });
    await new Promise<void>((resolve) => { http.listen(0, '127.0.0.1', resolve); });
    port = (http.address() as { port: number }).port;
    health = new grpc.Server();
    const descriptor = { nested: { grpc: { nested: { health: { nested: { v1: { nested: {
      Health: { methods: { Check: { requestType: 'Ask', responseType: 'Answer' } } }, Ask: { fields: { service: { type: 'string', id: 1 } } }, Answer: { fields: { status: { type: 'int32', id: 1 } } },
    } } } } } } } };
    const definition = grpc.loadPackageDefinition(fromJSON(descriptor as unknown as Parameters<typeof fromJSON>[0])) as unknown as { grpc: { health: { v1: { Health: grpc.ServiceClientConstructor } } } };
    health.addService(definition.grpc.health.v1.Health.service, { Check: (call: { request: { service: string } }, done: (error: null, answer: object) => void) => done(null, { status: call.request.service === 'sick' ? 2 : 1 }) });
    grpcPort = await new Promise<number>((resolve, reject) => { health.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => { if (error === null) resolve(bound); else reject(error); }); });
  });
  after(async () => { http.closeAllConnections(); await new Promise((resolve) => { http.close(resolve); }); health.forceShutdown(); });

  const probe = (given: Probe) => probeOnce(createFakeRuntime(systemClock), systemClock, { timeoutSeconds: 1, ...given }, pod, { name: 'c', ports: [{ name: 'web', containerPort: port }] }, 'id', '127.0.0.1');
  const cases: [string, () => Probe, 'success' | 'failure', RegExp][] = [
    ['HTTP 200', () => ({ httpGet: { path: '/ok', port: 'web' } }), 'success', /body/],
    ['HTTP headers', () => ({ httpGet: { path: '/ok', port, httpHeaders: [{ name: 'X-Test', value: 'given' }] } }), 'success', /given/],
    ['HTTP 503', () => ({ httpGet: { path: '/bad', port } }), 'failure', /^HTTP probe failed with statuscode: 503$/],
    ['a redirect on the host', () => ({ httpGet: { path: '/here', port } }), 'success', /body/],
    ['a redirect away is a success, not followed', () => ({ httpGet: { path: '/away', port } }), 'success', /^$/],
    ['HTTP silence', () => ({ httpGet: { path: '/slow', port } }), 'failure', /context deadline exceeded/],
    ['nobody listens', () => ({ httpGet: { path: '/ok', port: 1 } }), 'failure', /^Get "http:\/\/127\.0\.0\.1:1\/ok": dial tcp 127\.0\.0\.1:1: connect: connection refused$/],
    ['TCP', () => ({ tcpSocket: { port } }), 'success', /^$/],
    ['TCP refused', () => ({ tcpSocket: { port: 1 } }), 'failure', /connection refused/],
    ['gRPC serving', () => ({ grpc: { port: grpcPort } }), 'success', /service healthy/],
    ['gRPC not serving', () => ({ grpc: { port: grpcPort, service: 'sick' } }), 'failure', /NOT_SERVING/],
    ['gRPC refused', () => ({ grpc: { port: 1 } }), 'failure', /failed to connect service "127\.0\.0\.1:1"/],
  ];
  for (const [name, given, outcome, output] of cases) {
    it(name, async () => {
      const answer = await probe(given());
      assert.equal(answer.outcome, outcome);
      assert.match(answer.output, output);
    });
  }
});

describe('exec probes', () => {
  it('judges by exit code; a timeout is a failure, a missing runtime an error', async () => {
    const runtime = createFakeRuntime(systemClock);
    runtime.images.set('i', fakeImage('i'));
    const sandboxConfig = sandboxConfigOf({ logDirectory: '/l', cgroupParent: '/c' }, 'p');
    const id = await runtime.createContainer(await runtime.runPodSandbox(sandboxConfig), containerConfigOf('i', ''), sandboxConfig);
    await runtime.startContainer(id);
    const ask = () => probeOnce(runtime, systemClock, { exec: { command: ['check', 'it'] } }, pod, { name: 'c' }, id, '');
    runtime.onExec = () => ({ stdout: Buffer.from('out'), stderr: Buffer.from('err'), exitCode: 1 });
    assert.deepEqual(await ask(), { outcome: 'failure', output: 'outerr' });
    runtime.onExec = () => { throw new CriError('deadline-exceeded', 'timeout'); };
    assert.deepEqual(await ask(), { outcome: 'failure', output: 'command timed out: "check it" timed out after 1s' });
    runtime.onExec = () => { throw new CriError('unavailable', 'gone'); };
    await assert.rejects(ask(), { message: 'gone' });
  });
});

describe('probe requests', () => {
  it('builds URLs and default headers', () => {
    const request = httpRequestOf({ path: 'x?y=1', port: 0, scheme: 'HTTPS', httpHeaders: [{ name: 'accept', value: '' }] }, 443, 'fd00::1', 'kube-probe/1.36');
    assert.equal(request.url.href, 'https://[fd00::1]/x?y=1');
    assert.deepEqual(request.headers, { 'User-Agent': 'kube-probe/1.36' });
  });
  it('resolves ports', () => {
    const container: Container = { name: 'c', ports: [{ name: 'web', containerPort: 80 }] };
    assert.deepEqual([resolvePort('web', container), resolvePort(7, container), resolvePort('81', container)], [80, 7, 81]);
    assert.throws(() => resolvePort('none', container), /couldn't find port: "none" in pod/);
    assert.throws(() => resolvePort(70_000, container), /invalid port number: 70000/);
  });
});
