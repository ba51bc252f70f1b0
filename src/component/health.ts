/**
 * Health checks by name, and upstream's texts for them: `/livez`, `/readyz`, `/healthz`, with `?verbose` and
 * `?exclude=name`, and `/livez/<name>` for a single one.
 */

export interface HealthCheck {
  readonly name: string;
  /** @throws when not healthy; the reason is not shown to callers, as it may tell too much. */
  check(signal: AbortSignal): Promise<void> | void;
}

export interface HealthAnswer { readonly status: 200 | 404 | 500; readonly text: string; readonly failed: readonly string[] }

/** @param endpoint `livez`, `readyz` or `healthz`. @param path what follows it: '' or `/name`. */
export async function answerHealth(endpoint: string, checks: readonly HealthCheck[], path: string, query: URLSearchParams, signal: AbortSignal): Promise<HealthAnswer> {
  const single = path.replace(/^\//, '');
  if (single !== '') {
    const check = checks.find((candidate) => candidate.name === single);
    if (check === undefined) return { status: 404, text: '404 page not found\n', failed: [] };
    const failure = await run(check, signal);
    return failure === undefined ? { status: 200, text: 'ok', failed: [] } : { status: 500, text: 'internal server error: reason withheld\n', failed: [single] };
  }
  const excluded = new Set(query.getAll('exclude'));
  const known = new Set(checks.map((check) => check.name));
  let text = '';
  const failed: string[] = [];
  for (const check of checks) {
    if (excluded.has(check.name)) { text += `[+]${check.name} excluded: ok\n`; continue; }
    if (await run(check, signal) === undefined) { text += `[+]${check.name} ok\n`; continue; }
    failed.push(check.name);
    text += `[-]${check.name} failed: reason withheld\n`;
  }
  const unknown = [...excluded].filter((name) => !known.has(name));
  if (unknown.length > 0) text += `warn: some health checks cannot be excluded: no matches for ${unknown.map((name) => `"${name}"`).join(',')}\n`;
  if (failed.length > 0) return { status: 500, text: `${text}${endpoint} check failed\n`, failed };
  return { status: 200, text: query.has('verbose') ? `${text}${endpoint} check passed\n` : 'ok', failed };
}

async function run(check: HealthCheck, signal: AbortSignal): Promise<unknown> {
  try {
    await check.check(signal);
    return undefined;
  } catch (error) {
    return error ?? new Error('failed');
  }
}
