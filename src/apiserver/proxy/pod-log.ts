/** GET pods/log: the options checked as upstream, the kubelet's lines streamed through. */
import { invalid, forbidden, notSupported } from '#machinery/field-error';
import type { FieldError } from '#machinery/field-error';
import { newBadRequest, newGenericServerResponse, newInternalError, newInvalid } from '#machinery/status-error';
import type { ConnectHandler } from '../handlers/connect-registry.ts';
import { logOverWebSocket } from '../handlers/websocket-answer.ts';
import type { ApiResponse } from '../request.ts';
import { askBackend, readText, streamedResponse } from './backend-request.ts';
import { containerName, kubeletOfNode, readPod, type ProxyDependencies } from './kubelet-endpoint.ts';

const ERROR_TEXT_BYTES_MAX = 16 * 1024;

interface LogOptions {
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  sinceSeconds?: number;
  sinceTime?: string;
  tailLines?: number;
  limitBytes?: number;
  stream: string;
}

export function podLogHandler(dependencies: ProxyDependencies): ConnectHandler {
  return {
    group: '', resource: 'pods', subresource: 'log', methods: ['get'],
    async handle(context): Promise<ApiResponse> {
      const { info, request, signal } = context;
      const options = parseLogOptions(info.query);
      const faults = validateLogOptions(options);
      if (faults.length > 0) throw newInvalid('', 'PodLogOptions', info.name, faults);
      const pod = await readPod(info.namespace, info.name, dependencies, signal);
      const container = containerName(pod, options.container);
      const nodeName = pod.spec?.nodeName ?? '';
      // A pod that has no node yet has no lines yet.
      if (nodeName === '') return { status: 204, headers: {}, body: Buffer.alloc(0) };
      const kubelet = await kubeletOfNode(nodeName, dependencies, signal);
      const path = `/containerLogs/${info.namespace}/${info.name}/${container}${kubeletQuery(options)}`;
      let answer;
      try {
        answer = await askBackend(kubelet, { method: 'GET', path, headers: {} }, signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw newInternalError(new Error(`Get "https://${kubelet.host}:${kubelet.port}${path}": ${(error as Error).message}`));
      }
      if (answer.statusCode === 200) {
        const lines = { ...streamedResponse(answer), headers: { 'content-type': 'text/plain' } };
        return request.upgrade === undefined ? lines : logOverWebSocket(context, lines);
      }
      const text = await readText(answer, ERROR_TEXT_BYTES_MAX);
      if (answer.statusCode === 400) throw newBadRequest(text.trim());
      throw newGenericServerResponse({
        code: answer.statusCode ?? 500, verb: 'get', group: '', resource: 'pods/log', name: info.name, serverMessage: text.trim(), retryAfterSeconds: 0, unexpected: true,
      });
    },
  };
}

/** @throws StatusError 400 for a value that cannot be read. */
export function parseLogOptions(query: URLSearchParams): LogOptions {
  const integer = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    if (!/^[+-]?\d+$/.test(text)) throw newBadRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    return Number(text);
  };
  const sinceTime = query.get('sinceTime');
  if (sinceTime !== null && Number.isNaN(Date.parse(sinceTime))) throw newBadRequest(`parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(sinceTime)} as "2006"`);
  const options: LogOptions = {
    container: query.get('container') ?? '', follow: isTrue(query.get('follow')), previous: isTrue(query.get('previous')), timestamps: isTrue(query.get('timestamps')),
    stream: query.get('stream') ?? 'All',
  };
  const [sinceSeconds, tailLines, limitBytes] = [integer('sinceSeconds'), integer('tailLines'), integer('limitBytes')];
  return {
    ...options, ...(sinceSeconds === undefined ? {} : { sinceSeconds }), ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }), ...(sinceTime === null ? {} : { sinceTime }),
  };
}

/** Go's reading of a boolean in a query: present and not false. */
function isTrue(text: string | null): boolean {
  return text !== null && text !== '0' && text.toLowerCase() !== 'false';
}

export function validateLogOptions(options: LogOptions): FieldError[] {
  const faults: FieldError[] = [];
  const { tailLines, limitBytes, sinceSeconds, sinceTime, stream } = options;
  if (tailLines !== undefined && tailLines < 0) faults.push(invalid('tailLines', tailLines, 'must be greater than or equal to 0'));
  if (limitBytes !== undefined && limitBytes < 1) faults.push(invalid('limitBytes', limitBytes, 'must be greater than 0'));
  if (sinceSeconds !== undefined && sinceTime !== undefined) faults.push(forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else if (sinceSeconds !== undefined && sinceSeconds < 1) faults.push(invalid('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  if (!['All', 'Stdout', 'Stderr'].includes(stream)) faults.push(notSupported('stream', stream, ['All', 'Stdout', 'Stderr']));
  if (stream !== 'All' && tailLines !== undefined) faults.push(forbidden('', '`tailLines` and specific `stream` are mutually exclusive for now'));
  return faults;
}

function kubeletQuery(options: LogOptions): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    if (name === 'container' || value === undefined || value === false || (name === 'stream' && value === 'All')) continue;
    query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
