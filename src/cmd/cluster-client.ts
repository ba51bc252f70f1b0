/** A client of a running cluster for the command line, by its admin kubeconfig. */
import { existsSync } from 'node:fs';
import { systemClock } from '#base/clock';
import type { Client } from '#client/client';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { clusterPaths } from './layout.ts';
import { UserError } from './terminal.ts';

/** @throws UserError when no cluster was ever made in the data directory. */
export async function adminClient(dataDir: string): Promise<Client> {
  const path = clusterPaths(dataDir).adminKubeconfig;
  if (!existsSync(path)) throw new UserError(`no cluster in ${dataDir}: start one with kubernode up${dataDir === '/var/lib/kubernode' ? '' : ` --data-dir ${dataDir}`}`);
  return createClient({ transport: await transportFromKubeconfig(path, systemClock), clock: systemClock, userAgent: 'kubernode' });
}
