import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricsRegistry } from '#base/metrics';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { componentGroup } from './component-group.ts';
import type { Component } from './component.ts';
import { overlay, parseConfig } from './config-file.ts';
import { featureGates, parseFeatureGates } from './feature-gates.ts';
import { healthServer } from './health-server.ts';

function noted(name: string, notes: string[], fail = false): Component {
  return {
    name,
    async start() { notes.push(`start ${name}`); if (fail) throw new Error(`${name} broke`); },
    async stop() { notes.push(`stop ${name}`); },
  };
}

test('components start in order and stop in reverse', async () => {
  const notes: string[] = [];
  const group = componentGroup([noted('a', notes), noted('b', notes)], { name: 'all', clock: new VirtualClock(), log: silentLogger });
  await group.start(new AbortController().signal);
  await group.stop();
  await group.stop();
  assert.deepEqual(notes, ['start a', 'start b', 'stop b', 'stop a']);
});

test('a failed start stops what was started', async () => {
  const notes: string[] = [];
  const group = componentGroup([noted('a', notes), noted('b', notes, true), noted('c', notes)], { name: 'all', clock: new VirtualClock(), log: silentLogger });
  await assert.rejects(group.start(new AbortController().signal), /b broke/);
  assert.deepEqual(notes, ['start a', 'start b', 'stop b', 'stop a']);
});

test('a stop that hangs is left behind after its time', async () => {
  const clock = new VirtualClock();
  const group = componentGroup([{ name: 'slow', async start() {}, stop: () => new Promise(() => undefined) }], { name: 'all', clock, log: silentLogger, stopTimeoutMs: 100 });
  await group.start(new AbortController().signal);
  const stopped = group.stop();
  await clock.advance(100);
  await stopped;
});

test('feature gates', () => {
  const gates = featureGates({ A: { default: false, stage: 'alpha' }, B: { default: true, stage: 'beta' }, C: { default: true, stage: 'stable', locked: true } }, parseFeatureGates('AllAlpha=true, B=false'));
  assert.deepEqual([...gates.all()], [['A', true], ['B', false], ['C', true]]);
  assert.throws(() => gates.enabled('D'), /not registered/);
  assert.throws(() => featureGates({}, { X: true }), /unrecognized feature gate: X/);
  assert.throws(() => featureGates({ C: { default: true, stage: 'stable', locked: true } }, { C: false }), /locked to true/);
  assert.throws(() => parseFeatureGates('A'), /missing bool value/);
});

test('flags lie over the file', () => {
  const file = parseConfig('kind: K\napiVersion: a/v1\nport: 1\ndeep: {x: 1, y: 2}', 'K', ['a/v1']);
  assert.deepEqual(overlay(file, { port: 2, deep: { y: 3 } }), { kind: 'K', apiVersion: 'a/v1', port: 2, deep: { x: 1, y: 3 } });
  assert.throws(() => parseConfig('kind: L', 'K', ['a/v1']), /kind must be K/);
});

test('health and metrics over HTTP', async () => {
  const metrics = new MetricsRegistry();
  metrics.counter({ name: 'things_total', help: 'Things' }).inc();
  let ready = false;
  const server = healthServer({ name: 'h', host: '127.0.0.1', port: 0, metrics, log: silentLogger, livez: [{ name: 'ping', check() {} }], readyz: [{ name: 'sync', check() { if (!ready) throw new Error('no'); } }] });
  await server.start(new AbortController().signal);
  try {
    const ask = async (path: string): Promise<[number, string]> => { const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`); return [answer.status, await answer.text()]; };
    assert.deepEqual(await ask('/healthz'), [200, 'ok']);
    assert.deepEqual(await ask('/readyz'), [500, '[+]ping ok\n[-]sync failed: reason withheld\nreadyz check failed\n']);
    assert.deepEqual(await ask('/readyz?exclude=sync'), [200, 'ok']);
    ready = true;
    assert.deepEqual(await ask('/readyz?verbose'), [200, '[+]ping ok\n[+]sync ok\nreadyz check passed\n']);
    assert.equal((await ask('/metrics'))[1].includes('things_total 1'), true);
    assert.equal((await ask('/else'))[0], 404);
  } finally {
    await server.stop();
  }
});
