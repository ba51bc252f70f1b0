/**
 * kubectl as people use it, against a control plane in this process: every script of `api/` with the newest kubectl that is
 * installed, or with all of them (`npm run test:kubectl`). Those of `alone/` would disturb others.
 */
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startCluster, type Cluster } from '#cmd/testing';
import { chosenKubectls } from './binaries.ts';
import { closeDesk, openDesk, playAll, type Desk } from './play.ts';

const kubectls = chosenKubectls();
/** Nodes here are objects without a kubelet: they must not count as dead. */
const LONG_MS = 3600_000;

if (kubectls.length === 0) test('kubectl', { skip: 'no kubectl is installed' }, () => undefined);

for (const kubectl of kubectls) {
  describe(`kubectl ${kubectl.version}`, () => {
    let cluster: Cluster;
    let directory: string;
    let desk: Desk | undefined;

    before(async () => {
      cluster = await startCluster({ port: 0, controllers: { nodeMonitorGraceMs: LONG_MS, nodeStartupGraceMs: LONG_MS } });
      directory = mkdtempSync(join(tmpdir(), 'kubernode-kubectl-'));
      writeFileSync(join(directory, 'kubeconfig'), cluster.kubeconfig!, { mode: 0o600 });
      desk = openDesk(kubectl, join(directory, 'kubeconfig'));
    });

    after(async () => {
      closeDesk(desk);
      rmSync(directory, { recursive: true, force: true });
      await cluster?.stop();
    });

    describe('two at a time', { concurrency: 2 }, () => playAll(join(import.meta.dirname, 'api'), kubectl, () => desk!));
    describe('alone, as they make nodes', () => playAll(join(import.meta.dirname, 'alone'), kubectl, () => desk!));
  });
}
