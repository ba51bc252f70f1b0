/** `kubernode down` stops a cluster and keeps its data; `kubernode reset --yes` removes everything it made. */
import { rmSync } from 'node:fs';
import { removeHostNetwork } from './host-network.ts';
import { stopCluster } from './local-cluster.ts';
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

export async function reset(options: { dataDir: string; yes?: boolean }): Promise<void> {
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
