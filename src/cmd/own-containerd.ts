/**
 * containerd of this machine as a node (`kubernode server`, `agent`): with a root, a state directory and a socket of its own, beside
 * whatever else runs here.
 *
 * It is kept running by a supervisor of its own, so that it survives the node process; containers outlive both.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from '#component/component';
import { hostTraits, writeContainerdConfig, type ContainerdPaths } from './machine/containerd.ts';
import { ensureSandboxImage } from './machine/sandbox-image.ts';
import { waitUntil } from './machine/wait-until.ts';
import type { NodeSettings } from './node-parts.ts';
import { startSupervised, stopSupervised } from './supervise.ts';
import { run } from './shell.ts';

const START_MS_MAX = 30_000;
const NAME = 'containerd';

export interface OwnContainerd extends ContainerdPaths {
  readonly configDir: string;
  readonly runDir: string;
  readonly logDir: string;
}

/** What `kubernode server` and `agent` write down for the node process. */
export interface MachineNodeSettings extends NodeSettings {
  /** Absent: a container runtime runs already. */
  readonly containerd?: OwnContainerd;
}

export function ownContainerd(settings: OwnContainerd): Component {
  return {
    name: 'containerd',
    async start() {
      const { configDir, runDir, logDir, socket } = settings;
      if (writeContainerdConfig(configDir, hostTraits(), settings)) await stopSupervised(runDir, NAME);
      startSupervised({ runDir, logDir, name: NAME, command: ['containerd', '--config', join(configDir, 'config.toml')] });
      await waitUntil(() => answers(socket), { timeoutMs: START_MS_MAX, what: `containerd (see ${join(logDir, `${NAME}.log`)})` });
      await ensureSandboxImage(socket);
    },
    stop: () => stopSupervised(settings.runDir, NAME),
  };
}

async function answers(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  return run('ctr', ['-a', socket, '--connect-timeout', '1s', 'version']).then(() => true, () => false);
}
