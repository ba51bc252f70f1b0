/**
 * GET /containerLogs/<namespace>/<pod>/<container>: what `kubectl logs` reads.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Clock } from '#base/clock';
import type { RuntimeService } from '../cri/contract.ts';
import { readLog, type LogOptions } from '../logs/read-log.ts';
import type { PodPipeline } from '../pod-pipeline.ts';
import { readPodState } from '../runtime/pod-state.ts';
import { findContainer } from '../translation/container-list.ts';
import type { KubeletRoute, RouteRequest } from './routes.ts';
import { text } from './text-answer.ts';

export interface ContainerLogDeps { pipeline: PodPipeline; runtime: RuntimeService; clock: Clock }

export function containerLogRoutes(deps: ContainerLogDeps): KubeletRoute[] {
  return [{ methods: ['GET', 'HEAD'], pattern: '/containerLogs/:namespace/:pod/:container', rights: ['proxy'], handle: (request, response) => serveLog(deps, request, response) }];
}

async function serveLog(deps: ContainerLogDeps, request: RouteRequest, response: ServerResponse): Promise<void> {
  const { namespace = '', pod: podName = '', container: name = '' } = request.params;
  const options = logOptions(request.query, deps.clock.now());
  if (typeof options === 'string') { text(response, 422, `{"message": ${JSON.stringify(options)}}`, 'application/json'); return; }
  const pod = deps.pipeline.store.byName(namespace, podName);
  if (pod === undefined) { text(response, 404, `pod "${podName}" does not exist\n`); return; }
  if (findContainer(pod, name) === undefined) { text(response, 404, `container "${name}" not found in pod "${podName}"\n`); return; }
  const state = await readPodState(deps.runtime, pod.metadata.uid!, request.signal);
  const found = state.containers.filter((container) => container.name === name && container.state !== 'created');
  const wanted = found[options.previous ? 1 : 0];
  if (wanted === undefined) {
    text(response, 400, options.previous ? `previous terminated container "${name}" in pod "${podName}" not found` : `container "${name}" in pod "${podName}" is waiting to start: ${waitingReason(deps, pod.metadata.uid!, name)}`);
    return;
  }
  const isRunning = async (): Promise<boolean> => (await deps.runtime.containerStatus(wanted.id).catch(() => undefined))?.state === 'CONTAINER_RUNNING';
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' });
  response.flushHeaders();
  try {
    for await (const piece of readLog({ path: wanted.logPath, clock: deps.clock, isRunning }, options, request.signal)) {
      if (!response.write(piece)) await once(response, 'drain', { signal: request.signal });
    }
  } catch (error) {
    if (!request.signal.aborted && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (!request.signal.aborted) response.write(`failed to try resolving symlinks in path "${wanted.logPath}": lstat ${wanted.logPath}: no such file or directory`);
  }
  response.end();
}

function waitingReason(deps: ContainerLogDeps, uid: string, name: string): string {
  const status = deps.pipeline.status.get(uid);
  const waiting = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])].find((entry) => entry.name === name)?.state?.waiting;
  return waiting?.reason === undefined ? 'no logs available yet' : waiting.message === undefined || waiting.message === '' ? waiting.reason : `${waiting.reason}: ${waiting.message}`;
}

/** A text: what is wrong with the query. */
export function logOptions(query: URLSearchParams, nowMs: number): (LogOptions & { previous: boolean }) | string {
  const number = (name: string): number | undefined => (query.get(name) === null ? undefined : Number(query.get(name)));
  const flag = (name: string): boolean => query.has(name) && query.get(name) !== 'false' && query.get(name) !== '0';
  const tailLines = number('tailLines') ?? (query.get('tail') === 'all' ? undefined : number('tail'));
  const limitBytes = number('limitBytes');
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = query.get('sinceTime');
  if (tailLines !== undefined && (!Number.isInteger(tailLines) || tailLines < 0)) return 'tailLines: Invalid value: must be greater than or equal to 0';
  if (limitBytes !== undefined && (!Number.isInteger(limitBytes) || limitBytes < 1)) return 'limitBytes: Invalid value: must be greater than 0';
  if (sinceSeconds !== undefined && (!Number.isInteger(sinceSeconds) || sinceSeconds < 1)) return 'sinceSeconds: Invalid value: must be greater than 0';
  if (sinceTime !== null && Number.isNaN(Date.parse(sinceTime))) return 'sinceTime: Invalid value: must be a time';
  const stream = query.get('stream');
  return {
    follow: flag('follow'), previous: flag('previous'), timestamps: flag('timestamps'), tailLines, limitBytes,
    sinceMs: sinceSeconds !== undefined ? nowMs - sinceSeconds * 1000 : sinceTime === null ? undefined : Date.parse(sinceTime),
    stream: stream === 'Stdout' || stream === 'Stderr' ? stream : 'All',
  };
}
