import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { silentLogger } from '#base/log';
import { systemClock } from '#base/clock';
import type { Pod } from '#api/generated/core/v1';
import { createStaticPodSource, toStaticPod } from './static-pods.ts';

const manifest = (name: string, image = 'i'): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', image }] } });

describe('static pods', () => {
  it('are named by node and known by their content', () => {
    const pod = toStaticPod(manifest('web'), '/m/web.yaml', 'Node1');
    assert.deepEqual([pod.metadata.name, pod.metadata.namespace, pod.metadata.annotations?.['kubernetes.io/config.source'], pod.spec?.nodeName], ['web-node1', 'default', 'file', 'Node1']);
    assert.equal(toStaticPod(manifest('web'), '/m/web.yaml', 'Node1').metadata.uid, pod.metadata.uid);
    assert.notEqual(toStaticPod(manifest('web', 'other'), '/m/web.yaml', 'Node1').metadata.uid, pod.metadata.uid);
  });
  it('come and go with their files; bad ones are left out', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kn-static-'));
    const stop = new AbortController();
    let found: string[] = [];
    writeFileSync(join(dir, 'a.json'), JSON.stringify(manifest('a')));
    writeFileSync(join(dir, 'bad.json'), '{');
    writeFileSync(join(dir, '.hidden'), JSON.stringify(manifest('h')));
    const source = createStaticPodSource({ path: dir, nodeName: 'n', clock: systemClock, log: silentLogger, checkMs: 50, parse: (text) => [JSON.parse(text)], onPods: (pods) => { found = pods.map((pod) => pod.metadata.name!); } });
    source.start(stop.signal);
    const until = async (expected: string[]): Promise<void> => { for (let i = 0; i < 100 && found.join() !== expected.join(); i++) await systemClock.sleep(10); assert.deepEqual(found, expected); };
    await until(['a-n']);
    assert.equal(source.hasSynced(), true);
    writeFileSync(join(dir, 'b.json'), JSON.stringify(manifest('b')));
    await until(['a-n', 'b-n']);
    rmSync(join(dir, 'a.json'));
    await until(['b-n']);
    stop.abort();
    rmSync(dir, { recursive: true });
  });
});
