/** The one list of handlers that pass connections on: pod logs and streams, HTTP proxies. */
import type { Random } from '#base/random';
import type { ConnectHandler } from '../handlers/connect-registry.ts';
import { proxyHandlers } from './http-proxy.ts';
import type { ProxyDependencies } from './kubelet-endpoint.ts';
import { podLogHandler } from './pod-log.ts';
import { podStreamHandlers } from './pod-stream.ts';

export function connectHandlers(dependencies: ProxyDependencies, random: Random): ConnectHandler[] {
  return [podLogHandler(dependencies), ...podStreamHandlers(dependencies), ...proxyHandlers(dependencies, random)];
}
