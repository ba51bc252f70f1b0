/**
 * The kubelet's endpoints as a table: method, path pattern, what right they need, who answers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { KubeletConfig } from '../config.ts';
import type { RuntimeService } from '../cri/contract.ts';
import type { PodPipeline } from '../pod-pipeline.ts';

export interface RouteRequest {
  raw: IncomingMessage;
  /** By name in the pattern; decoded. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** Aborts when the caller goes away or the server stops. */
  signal: AbortSignal;
}

/** Subresources of `nodes` of which one must be allowed, the first asked first. */
export type NodeRights = readonly string[];

export interface KubeletRoute {
  methods: readonly string[];
  /** `/containerLogs/:namespace/:pod/:container`; a last `*` takes the rest. */
  pattern: string;
  rights: NodeRights;
  handle(request: RouteRequest, response: ServerResponse): Promise<void>;
}

/** A route that takes over the connection. */
export interface UpgradeRoute {
  methods: readonly string[];
  pattern: string;
  rights: NodeRights;
  /** Needs `create` whatever the method: a WebSocket GET runs commands as well. */
  handle(request: RouteRequest, socket: Duplex, head: Buffer): Promise<void>;
}

export interface StreamingDeps { pipeline: PodPipeline; runtime: RuntimeService; config: KubeletConfig }

/** exec, attach, port-forward, run: made by whoever starts the kubelet. */
export type StreamingRoutes = (deps: StreamingDeps) => { routes?: readonly KubeletRoute[]; upgrades: readonly UpgradeRoute[] };

/** Undefined: no match. An encoded slash or a dot segment never matches a parameter. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const parts = path.split('/');
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    if (part === '*') { params['rest'] = parts.slice(i).join('/'); return params; }
    const given = parts[i];
    if (given === undefined) return undefined;
    if (!part.startsWith(':')) { if (part !== given) return undefined; continue; }
    const value = decode(given);
    if (value === undefined || value === '' || value === '.' || value === '..' || value.includes('/')) return undefined;
    params[part.slice(1)] = value;
  }
  return parts.length === wanted.length ? params : undefined;
}

function decode(text: string): string | undefined {
  try { return decodeURIComponent(text); } catch { return undefined; }
}
