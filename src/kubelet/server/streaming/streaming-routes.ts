/**
 * The kubelet's streaming endpoints: exec, attach, port-forward (connections that are upgraded) and run (its output as the answer).
 *
 * Which container is meant is decided here; the runtime then gives a one-time URL, and the connection is led to it.
 */
import type { Duplex } from 'node:stream';
import type { Pod } from '#api/generated/core/v1';
import { silentLogger } from '#base/log';
import { readPodState } from '../../runtime/pod-state.ts';
import { findContainer } from '../../translation/container-list.ts';
import { text } from '../text-answer.ts';
import type { RouteRequest, StreamingDeps, StreamingRoutes, UpgradeRoute } from '../routes.ts';
import { servePortForward } from './port-forward.ts';
import { serveRemoteCommand, type RemoteCommandStreams } from './remote-command.ts';

const RUN_TIMEOUT_SECONDS = 60;
/** exec, attach and port-forward; older kubelets asked for `nodes/proxy` alone. */
const RIGHTS = ['proxy'];

class NoSuchTargetError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const streamingRoutes: StreamingRoutes = (deps) => {
  const upgrade = (pattern: string, handle: UpgradeRoute['handle']): UpgradeRoute => ({
    methods: ['GET', 'POST'], pattern, rights: RIGHTS,
    handle: (request, socket, head) => handle(request, socket, head).catch((error: unknown) => {
      if (request.signal.aborted || socket.destroyed) return;
      refuse(socket, error instanceof NoSuchTargetError ? error.status : 500, error instanceof Error ? error.message : String(error));
    }),
  });
  const both = (path: string, handle: UpgradeRoute['handle']): UpgradeRoute[] => [upgrade(`/${path}/:namespace/:pod/:container`, handle), upgrade(`/${path}/:namespace/:pod/:uid/:container`, handle)];
  return {
    upgrades: [
      ...both('exec', async (request, socket, head) => {
        const streams = streamsOf(request.query);
        const id = await runningContainer(deps, request);
        const url = await deps.runtime.exec(id, request.query.getAll('command'), streams, request.signal);
        await serveRemoteCommand(request.raw, socket, head, new URL(url), streams, silentLogger, request.signal);
      }),
      ...both('attach', async (request, socket, head) => {
        const id = await runningContainer(deps, request);
        const container = findContainer(findPod(deps, request), request.params['container'] ?? '')?.container;
        const streams = { ...streamsOf(request.query), tty: container?.tty === true };
        if (streams.tty) streams.stderr = false;
        const url = await deps.runtime.attach(id, streams, request.signal);
        await serveRemoteCommand(request.raw, socket, head, new URL(url), streams, silentLogger, request.signal);
      }),
      ...['/portForward/:namespace/:pod', '/portForward/:namespace/:pod/:uid'].map((pattern) => upgrade(pattern, async (request, socket, head) => {
        const pod = findPod(deps, request);
        const state = await readPodState(deps.runtime, pod.metadata.uid!, request.signal);
        const sandbox = state.sandboxes.find((candidate) => candidate.state === 'SANDBOX_READY');
        if (sandbox === undefined) throw new NoSuchTargetError(404, `sandbox of pod "${pod.metadata.name}" does not run`);
        const ports = request.query.getAll('port').map(Number).filter((port) => Number.isInteger(port) && port > 0 && port < 65_536);
        const url = await deps.runtime.portForward(sandbox.id, ports, request.signal);
        await servePortForward(request.raw, socket, head, new URL(url), ports, request.signal);
      })),
    ],
    routes: [{
      methods: ['POST'], pattern: '/run/:namespace/:pod/:container', rights: RIGHTS,
      async handle(request, response) {
        try {
          const id = await runningContainer(deps, request);
          const result = await deps.runtime.execSync(id, (request.query.get('cmd') ?? '').split(' '), RUN_TIMEOUT_SECONDS, request.signal);
          text(response, 200, Buffer.concat([result.stdout, result.stderr]).toString('utf8'));
        } catch (error) {
          if (!(error instanceof NoSuchTargetError)) throw error;
          text(response, error.status, error.message);
        }
      },
    }],
  };
};

function findPod(deps: StreamingDeps, { params }: RouteRequest): Pod {
  const { namespace = '', pod: name = '', uid } = params;
  const pod = deps.pipeline.store.byName(namespace, name);
  if (pod === undefined || (uid !== undefined && pod.metadata.uid !== uid)) throw new NoSuchTargetError(404, `pod "${name}" does not exist`);
  return pod;
}

async function runningContainer(deps: StreamingDeps, request: RouteRequest): Promise<string> {
  const pod = findPod(deps, request);
  const name = request.params['container'] ?? '';
  if (findContainer(pod, name) === undefined) throw new NoSuchTargetError(404, `container "${name}" not found in pod "${pod.metadata.name}"`);
  const state = await readPodState(deps.runtime, pod.metadata.uid!, request.signal);
  const container = state.containers.find((candidate) => candidate.name === name && candidate.state === 'running');
  if (container === undefined) throw new NoSuchTargetError(500, `container not found ("${name}")`);
  return container.id;
}

function streamsOf(query: URLSearchParams): RemoteCommandStreams & { stderr: boolean; tty: boolean } {
  const flag = (name: string): boolean => query.get(name) === '1' || query.get(name) === 'true';
  const tty = flag('tty');
  return { stdin: flag('input'), stdout: flag('output'), stderr: flag('error') && !tty, tty };
}

function refuse(socket: Duplex, status: number, message: string): void {
  socket.end(`HTTP/1.1 ${status} ${status === 404 ? 'Not Found' : 'Internal Server Error'}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(message)}\r\nConnection: close\r\n\r\n${message}`);
}
