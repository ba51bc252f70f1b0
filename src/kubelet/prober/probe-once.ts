/**
 * Runs one probe: exec, HTTP, TCP or gRPC. Expected outcomes are returned; an error means that nothing could be found out.
 */
import { connect } from 'node:net';
import type { Clock } from '#base/clock';
import type { Container, Pod, Probe } from '#api/generated/core/v1';
import { CriError, type RuntimeService } from '../cri/contract.ts';
import { grpcHealthCheck } from './grpc-probe.ts';
import { dialText, httpRequestOf, requestOnce } from './http-probe.ts';
import { resolvePort } from './port.ts';
import type { ProbeAnswer } from './results.ts';

const OUTPUT_BYTES_MAX = 10 * 1024;
const USER_AGENT = 'kube-probe/1.36';

/** @throws Error when the probe could not be made (unknown outcome). */
export async function probeOnce(runtime: RuntimeService, clock: Clock, probe: Probe, pod: Pod, container: Container, containerId: string, podIp: string, signal?: AbortSignal): Promise<ProbeAnswer> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec !== undefined) return execProbe(runtime, containerId, probe.exec.command ?? [], probe.timeoutSeconds ?? 1, signal);
  if (probe.httpGet !== undefined) return httpProbe(probe.httpGet, resolvePort(probe.httpGet.port, container), podIp, clock, timeoutMs, signal);
  if (probe.tcpSocket !== undefined) return tcpProbe(probe.tcpSocket.host ?? podIp, resolvePort(probe.tcpSocket.port, container), timeoutMs, signal);
  if (probe.grpc !== undefined) return grpcHealthCheck(podIp, probe.grpc.port, probe.grpc.service ?? '', timeoutMs);
  throw new Error(`missing probe handler for ${pod.metadata.namespace}/${pod.metadata.name}:${container.name}`);
}

async function execProbe(runtime: RuntimeService, containerId: string, command: readonly string[], timeoutSeconds: number, signal?: AbortSignal): Promise<ProbeAnswer> {
  try {
    const result = await runtime.execSync(containerId, command, timeoutSeconds, signal);
    const output = Buffer.concat([result.stdout, result.stderr]).toString('utf8', 0, OUTPUT_BYTES_MAX);
    return { outcome: result.exitCode === 0 ? 'success' : 'failure', output };
  } catch (error) {
    if (error instanceof CriError && error.code === 'deadline-exceeded') return { outcome: 'failure', output: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutSeconds}s` };
    throw error;
  }
}

async function httpProbe(action: NonNullable<Probe['httpGet']>, port: number, podIp: string, clock: Clock, timeoutMs: number, signal?: AbortSignal): Promise<ProbeAnswer> {
  try {
    const answer = await requestOnce(httpRequestOf(action, port, podIp, USER_AGENT), clock, timeoutMs, signal);
    if (answer.status >= 200 && answer.status < 400) return { outcome: 'success', output: answer.body };
    return { outcome: 'failure', output: `HTTP probe failed with statuscode: ${answer.status}` };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return { outcome: 'failure', output: error instanceof Error ? error.message : String(error) };
  }
}

function tcpProbe(host: string, port: number, timeoutMs: number, signal?: AbortSignal): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host: host === '' ? '127.0.0.1' : host, port, timeout: timeoutMs });
    const finish = (answer: ProbeAnswer): void => { signal?.removeEventListener('abort', onAbort); socket.destroy(); resolve(answer); };
    const onAbort = (): void => finish({ outcome: 'unknown', output: 'aborted' });
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => finish({ outcome: 'success', output: '' }));
    socket.once('timeout', () => finish({ outcome: 'failure', output: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.once('error', (error) => finish({ outcome: 'failure', output: dialText(error, { hostname: host, port: String(port) }) }));
  });
}
