/**
 * exec, attach and port-forward of pods: checked here, then the connection is passed to the kubelet byte for byte, whatever protocol
 * the caller speaks.
 */
import type { Pod } from '#api/generated/core/v1';
import { newBadRequest, newInternalError } from '#machinery/status-error';
import { tunnelUpgrade } from '#wire/upgrade-tunnel';
import type { RequestContext } from '../context.ts';
import type { ConnectHandler } from '../handlers/connect-registry.ts';
import type { ApiResponse } from '../request.ts';
import { containerName, kubeletOfNode, readPod, type ProxyDependencies } from './kubelet-endpoint.ts';

export function podStreamHandlers(dependencies: ProxyDependencies): ConnectHandler[] {
  const handler = (subresource: string, target: (pod: Pod, query: URLSearchParams) => string): ConnectHandler => ({
    group: '', resource: 'pods', subresource, methods: ['get', 'post'],
    handle: (context) => stream(context, dependencies, target),
  });
  return [
    handler('exec', (pod, query) => commandPath('exec', pod, query)),
    handler('attach', (pod, query) => commandPath('attach', pod, query)),
    handler('portforward', portForwardPath),
  ];
}

async function stream(context: RequestContext, dependencies: ProxyDependencies, target: (pod: Pod, query: URLSearchParams) => string): Promise<ApiResponse> {
  const { info, request, signal } = context;
  const pod = await readPod(info.namespace, info.name, dependencies, signal);
  if (info.subresource !== 'portforward') containerName(pod, info.query.get('container') ?? '');
  const nodeName = pod.spec?.nodeName ?? '';
  if (nodeName === '') throw newBadRequest(`pod ${info.name} does not have a host assigned`);
  const path = target(pod, info.query);
  if (request.upgrade === undefined) throw newBadRequest('Upgrade request required');
  const kubelet = await kubeletOfNode(nodeName, dependencies, signal);
  const { socket, head } = request.upgrade;
  try {
    await tunnelUpgrade({ host: kubelet.host, port: kubelet.port, tls: kubelet.tls, method: request.method, path }, request.headers, socket, head, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw newInternalError(new Error(`error dialing backend: ${(error as Error).message}`));
  }
  return { status: 101, headers: {}, body: Buffer.alloc(0), hijacked: true };
}

function flag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  return text !== null && text !== '0' && text.toLowerCase() !== 'false';
}

/** The kubelet's own names for the options. @throws StatusError 400 */
function commandPath(verb: 'exec' | 'attach', pod: Pod, query: URLSearchParams): string {
  const stdin = flag(query, 'stdin');
  const stdout = flag(query, 'stdout');
  const stderr = flag(query, 'stderr');
  const tty = flag(query, 'tty');
  const commands = query.getAll('command');
  if (verb === 'exec' && commands.length === 0) throw newBadRequest('you must specify at least one command for the container');
  if (!stdin && !stdout && !stderr) throw newBadRequest('you must specify at least one of stdin, stdout, stderr');
  const container = containerName(pod, query.get('container') ?? '');
  const options = new URLSearchParams();
  if (stdin) options.set('input', '1');
  if (stdout) options.set('output', '1');
  if (stderr && !tty) options.set('error', '1');
  if (tty) options.set('tty', '1');
  for (const command of verb === 'exec' ? commands : []) options.append('command', command);
  return `/${verb}/${pod.metadata.namespace}/${pod.metadata.name}/${container}?${options.toString()}`;
}

const PORTS_MAX = 100;

/** @throws StatusError 400 for ports that are none. */
function portForwardPath(pod: Pod, query: URLSearchParams): string {
  const ports = query.getAll('ports').flatMap((text) => text.split(','));
  if (ports.length > PORTS_MAX) throw newBadRequest(`at most ${PORTS_MAX} ports can be forwarded, got ${ports.length}`);
  for (const port of ports) {
    if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65535) throw newBadRequest(`unable to parse port ${JSON.stringify(port)}: must be between 1 and 65535`);
  }
  const options = new URLSearchParams(ports.map((port): [string, string] => ['port', port]));
  const text = options.toString();
  return `/portForward/${pod.metadata.namespace}/${pod.metadata.name}${text === '' ? '' : `?${text}`}`;
}
