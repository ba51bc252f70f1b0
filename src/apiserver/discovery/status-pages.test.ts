import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/virtual-clock';
import { statusPages } from './status-pages.ts';

const text = (response: { body: unknown }): string => (response.body as Buffer).toString('utf8');

test('status, settings and indicators as text', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const pages = statusPages({
    clock, startedMs: clock.now() - 3_725_000, gitVersion: 'v1.36.2', settings: { 'secure-port': '6443', 'bind-address': '::1' },
    checks: { livez: [{ name: 'ping', check: () => undefined }], readyz: [{ name: 'shutdown', check: () => 'stopping' }], healthz: [] },
  });
  const status = text(pages.status(['/', '/healthz', '/healthz/ping', '/version']));
  assert.match(status, /^\nkube-apiserver statusz\nWarning: /);
  assert.match(status, /Up: 1 hr 02 min 05 sec\n/);
  assert.match(status, /Paths: \/healthz \/version\n/);
  assert.match(text(pages.settings()), /\n\nbind-address=::1\nsecure-port=6443\n$/);
  await pages.indicators();
  const indicators = text(await pages.indicators());
  assert.match(indicators, /kubernetes_healthcheck\{name="ping",type="livez"\} 1\n/);
  assert.match(indicators, /kubernetes_healthcheck\{name="shutdown",type="readyz"\} 0\n/);
  assert.match(indicators, /kubernetes_healthchecks_total\{name="shutdown",status="error",type="readyz"\} 2\n/);
});
