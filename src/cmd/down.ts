/** `kubernode down` stops a cluster and keeps its data, `reset --yes` removes everything it made, `node-power off` takes one node down. */
import { rmSync } from 'node:fs';
import { removeHostNetwork } from './host-network.ts';
import { powerOff, stopCluster } from './local-cluster.ts';
import { isMachineCluster, resetMachine } from './machine-reset.ts';
import { saveClusterConfig } from './cluster-config.ts';
import { terminalProgress, UserError } from './terminal.ts';
import { requireCluster } from './up.ts';
import { removeFromUserKubeconfig } from './user-kubeconfig.ts';

export async function down(options: { dataDir: string }): Promise<void> {
  const config = requireCluster(options.dataDir);
  const progress = terminalProgress();
  await progress.stage('stop', async () => {
    await stopCluster(config);
    await removeHostNetwork(config);
    saveClusterConfig(config);
  });
  progress.note(`The cluster is down; its data stays in ${config.dataDir}. kubernode up brings it back, kubernode reset --yes removes it.`);
}

/** As pulling the plug: every process of the node ends at once; its data stays, and `up` boots it again. */
export async function powerOffNode(name: string, options: { dataDir: string }): Promise<void> {
  const config = requireCluster(options.dataDir);
  const node = config.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new UserError(`no node ${name}: there are ${config.nodes.map((entry) => entry.name).join(', ')}`);
  await terminalProgress().stage(`power off ${name}`, () => powerOff(config, node));
}

export async function reset(options: { dataDir: string; yes?: boolean }): Promise<void> {
  if (isMachineCluster(options.dataDir)) {
    if (options.yes !== true) throw new UserError(`reset takes this machine out of its cluster and removes all data in ${options.dataDir}: say --yes to do it`);
    await terminalProgress().stage('remove', () => resetMachine(options.dataDir));
    return;
  }
  const config = requireCluster(options.dataDir);
  if (options.yes !== true) throw new UserError(`reset removes the cluster and all its data in ${config.dataDir}: say --yes to do it`);
  const progress = terminalProgress();
  await progress.stage('stop', async () => {
    await stopCluster(config);
    await removeHostNetwork(config);
  });
  await progress.stage('remove', async () => {
    await removeFromUserKubeconfig(config);
    rmSync(config.dataDir, { recursive: true, force: true });
  });
}
