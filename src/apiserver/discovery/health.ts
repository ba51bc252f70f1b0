/**
 * `/livez`, `/readyz` and `/healthz`: named checks, one by one or together, as upstream shows them.
 *
 * Details of a failed check are for the log, never for the caller, who may be anybody.
 */
import type { Logger } from '#base/log';
import { textResponse } from '../context.ts';
import type { ApiResponse } from '../request.ts';

export interface HealthCheck {
  readonly name: string;
  /** Undefined: well. */
  check(): Promise<string | undefined> | string | undefined;
}

export type HealthEndpoint = 'livez' | 'readyz' | 'healthz';

/** Undefined when there is no such check. */
export async function healthResponse(endpoint: HealthEndpoint, checks: readonly HealthCheck[], path: string, query: URLSearchParams, log: Logger): Promise<ApiResponse | undefined> {
  const below = path.replace(/\/$/, '').slice(endpoint.length + 2);
  if (below !== '') {
    const one = checks.find((check) => check.name === below);
    if (one === undefined) return undefined;
    const fault = await run(one);
    return fault === undefined ? textResponse(200, 'ok') : plain(500, `internal server error: ${fault}\n`);
  }
  const excluded = new Set(query.getAll('exclude'));
  let text = '';
  const failed: string[] = [];
  for (const check of checks) {
    if (excluded.delete(check.name)) { text += `[+]${check.name} excluded: ok\n`; continue; }
    const fault = await run(check);
    if (fault === undefined) { text += `[+]${check.name} ok\n`; continue; }
    failed.push(check.name);
    text += `[-]${check.name} failed: reason withheld\n`;
    log.warn('Health check failed', { endpoint, check: check.name, fault });
  }
  if (excluded.size > 0) text += `warn: some health checks cannot be excluded: no matches for ${[...excluded].map((name) => JSON.stringify(name)).join(', ')}\n`;
  if (failed.length > 0) return plain(500, `${text}${endpoint} check failed\n`);
  return query.has('verbose') ? plain(200, `${text}${endpoint} check passed\n`) : plain(200, 'ok');
}

async function run(check: HealthCheck): Promise<string | undefined> {
  try { return await check.check(); } catch (error) { return error instanceof Error ? error.message : String(error); }
}

function plain(status: number, text: string): ApiResponse {
  const response = textResponse(status, text);
  response.headers['x-content-type-options'] = 'nosniff';
  return response;
}
