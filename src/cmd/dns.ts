/** `kubernode dns`: the cluster's DNS server by itself. */
import { createInformerFactory } from '#client/informer/factory';
import { runComponent, type ComponentFlags } from './component-process.ts';
import { addressOf, portOf } from './flag-values.ts';
import { dnsPart } from './node-parts.ts';
import { listenFailure } from './terminal.ts';

interface DnsCommand extends ComponentFlags {
  readonly address: string;
  readonly port: string;
  readonly clusterDomain: string;
}

export async function runDns(command: DnsCommand): Promise<void> {
  const address = addressOf(command.address, '--address');
  const port = portOf(command.port, '--port');
  await runComponent('dns', command, ({ context, client }) => {
    const informers = createInformerFactory({ client, clock: context.clock, random: context.random, log: context.log });
    const part = dnsPart({ clusterDns: address, clusterDomain: command.clusterDomain, dnsPort: port, ownAddress: false }, informers, context);
    return [{
      ...part,
      start: (signal) => part.start(signal).catch((error: unknown) => { throw listenFailure(error, `${address}:${port}`, '--address or --port'); }),
      async stop() { await part.stop(); await informers.stop(); },
    }];
  }, { openOnLoopback: true });
}
