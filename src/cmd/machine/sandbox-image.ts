/** The image that holds a pod's namespaces, built on this machine: no registry is needed to start. */
import { readFileSync } from 'node:fs';
import { importImage } from '#kubelet/images/import-image';
import { pauseImage } from '#kubelet/images/oci-image';
import { findProgram } from '../preflight.ts';
import { run } from '../shell.ts';
import { UserError } from '../terminal.ts';
import { SANDBOX_IMAGE } from './containerd.ts';

/** Builds and imports the sandbox image unless the node has it. */
export async function ensureSandboxImage(socket: string): Promise<void> {
  const present = await run('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'list', '-q', `name==${SANDBOX_IMAGE}`]);
  if (present.includes(SANDBOX_IMAGE)) return;
  const catatonit = findProgram('catatonit');
  if (catatonit === undefined) throw new UserError('catatonit is not installed; on Debian: apt-get install catatonit');
  await importImage(pauseImage(SANDBOX_IMAGE, readFileSync(catatonit)), { socket });
}
