/**
 * `/statusz`, `/flagz` and `/metrics/slis`: how the server runs, with which settings, and how its health checks stand.
 *
 * Text for people, but for the last; none of it says a secret: settings are those of the command line, files by their names.
 */
import type { Clock } from '#base/clock';
import { textResponse } from '../context.ts';
import type { ApiResponse } from '../request.ts';
import type { HealthCheck, HealthEndpoint } from './health.ts';
import { KUBERNETES_MINOR } from './version.ts';

const NOTE = 'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface StatusPageOptions {
  readonly clock: Clock;
  readonly startedMs: number;
  readonly gitVersion: string;
  /** Name and value of each setting. */
  readonly settings: Readonly<Record<string, string>>;
  readonly checks: Readonly<Record<HealthEndpoint, readonly HealthCheck[]>>;
}

export interface StatusPages {
  status(paths: readonly string[]): ApiResponse;
  settings(): ApiResponse;
  indicators(): Promise<ApiResponse>;
}

export function statusPages(options: StatusPageOptions): StatusPages {
  const { clock, startedMs, checks } = options;
  const page = (title: string, lines: readonly string[]): ApiResponse => textResponse(200, `\nkube-apiserver ${title}\n${NOTE}\n\n${lines.join('\n')}\n`);
  const runs = new Map<string, number>();
  return {
    status(paths) {
      const upSeconds = Math.max(0, Math.floor((clock.now() - startedMs) / 1000));
      const up = `${Math.floor(upSeconds / 3600)} hr ${pad(Math.floor(upSeconds / 60) % 60)} min ${pad(upSeconds % 60)} sec`;
      return page('statusz', [
        `Started: ${new Date(startedMs).toUTCString()}`, `Up: ${up}`, `Go version: node${process.versions.node}`, `Binary version: ${options.gitVersion}`,
        `Emulation version: 1.${KUBERNETES_MINOR}`, `Paths: ${paths.filter((path) => path.lastIndexOf('/') === 0 && path.length > 1).join(' ')}`,
      ]);
    },
    settings: () => page('flagz', Object.keys(options.settings).sort().map((name) => `${name}=${options.settings[name]}`)),
    async indicators() {
      const now: string[] = [];
      for (const endpoint of Object.keys(checks) as HealthEndpoint[]) {
        for (const check of checks[endpoint]) {
          const well = await isWell(check);
          now.push(`kubernetes_healthcheck{name="${check.name}",type="${endpoint}"} ${well ? 1 : 0}\n`);
          const key = `name="${check.name}",status="${well ? 'success' : 'error'}",type="${endpoint}"`;
          runs.set(key, (runs.get(key) ?? 0) + 1);
        }
      }
      const totals = [...runs].map(([labels, count]) => `kubernetes_healthchecks_total{${labels}} ${count}\n`);
      const text = `# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.\n# TYPE kubernetes_healthcheck gauge\n${now.join('')}`
        + `# HELP kubernetes_healthchecks_total [STABLE] This metric records the results of all healthcheck.\n# TYPE kubernetes_healthchecks_total counter\n${totals.join('')}`;
      return { status: 200, headers: { 'content-type': METRICS_TYPE }, body: Buffer.from(text) };
    },
  };
}

function pad(number: number): string { return String(number).padStart(2, '0'); }

async function isWell(check: HealthCheck): Promise<boolean> {
  try { return await check.check() === undefined; } catch { return false; }
}
