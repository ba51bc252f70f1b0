/** What must be there before a cluster can start: rights and programs, each with what to do when it is missing. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { hostTraits } from './machine/containerd.ts';
import { UserError } from './terminal.ts';

interface Requirement { readonly program: string; readonly package: string; readonly why: string }

export const REQUIREMENTS: readonly Requirement[] = [
  { program: 'ip', package: 'iproute2', why: 'links, routes and network namespaces' },
  { program: 'nft', package: 'nftables', why: 'services' },
  { program: 'nsenter', package: 'util-linux', why: 'node machines' },
  { program: 'containerd', package: 'containerd', why: 'runs the containers' },
  { program: 'runc', package: 'runc', why: 'runs the containers' },
  { program: 'catatonit', package: 'catatonit', why: 'init of node machines and pods' },
  { program: 'conntrack', package: 'conntrack', why: 'forgets UDP flows to endpoints that are gone' },
  { program: 'mount', package: 'mount', why: 'volumes' },
  { program: 'sysctl', package: 'procps', why: 'network settings of a node' },
  // The reference CNI plugins' portmap writes iptables rules for host ports.
  { program: 'iptables', package: 'iptables', why: 'host ports' },
];

export function findProgram(program: string, path = process.env['PATH'] ?? ''): string | undefined {
  for (const dir of [...path.split(delimiter), '/usr/sbin', '/sbin']) {
    if (dir === '') continue;
    try {
      accessSync(join(dir, program), constants.X_OK);
      return join(dir, program);
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** @throws UserError that names all that is missing at once. */
export function requireNodePrograms(): void {
  if (process.getuid?.() !== 0) throw new UserError('nodes need root: run it again as root (sudo); the API server alone runs without: kubernode apiserver --help');
  const missing = REQUIREMENTS.filter(({ program }) => findProgram(program) === undefined);
  if (missing.length > 0) {
    const list = missing.map(({ program, why }) => `  ${program}: ${why}`).join('\n');
    throw new UserError(`programs are missing:\n${list}\non Debian: apt-get install ${[...new Set(missing.map((entry) => entry.package))].join(' ')}`);
  }
  try {
    hostTraits();
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}
