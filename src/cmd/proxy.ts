/** `kubernode proxy`: the service proxy of this machine by itself. */
import { hostname } from 'node:os';
import { createInformerFactory } from '#client/informer/factory';
import { runComponent, type ComponentFlags } from './component-process.ts';
import { addressOf } from './flag-values.ts';
import { firstAddress } from './kubelet.ts';
import { parseNetwork } from './network-range.ts';
import { proxyPart } from './node-parts.ts';
import { findProgram } from './preflight.ts';
import { UserError } from './terminal.ts';

interface ProxyCommand extends ComponentFlags {
  readonly hostnameOverride?: string;
  readonly nodeIp?: string;
  readonly clusterCidr: string;
}

export async function runProxy(command: ProxyCommand): Promise<void> {
  if (process.getuid?.() !== 0) throw new UserError('the proxy writes rules of the kernel: run it as root (sudo)');
  if (findProgram('nft') === undefined) throw new UserError('nft is not installed; on Debian: apt-get install nftables');
  parseNetwork(command.clusterCidr, '--cluster-cidr');
  const address = command.nodeIp === undefined ? firstAddress() : addressOf(command.nodeIp, '--node-ip');
  await runComponent('proxy', command, ({ context, client }) => {
    const informers = createInformerFactory({ client, clock: context.clock, random: context.random, log: context.log });
    const part = proxyPart({ name: (command.hostnameOverride ?? hostname()).toLowerCase(), address, podCidr: command.clusterCidr }, informers, context);
    return [{ ...part, async stop() { await part.stop(); await informers.stop(); } }];
  }, { openOnLoopback: true });
}
