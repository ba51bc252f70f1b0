/** The CNI configuration of a node: a bridge with addresses out of the node's pod CIDRs, host ports, bandwidth limits. */

export interface CniOptions {
  readonly podCidrs: readonly string[];
  readonly mtu: number;
  /** The bandwidth plugin is installed. */
  readonly bandwidth: boolean;
}

export const CNI_CONFIG_FILE = '10-kubernode.conflist';
export const POD_BRIDGE = 'cni0';

export function cniConfig({ podCidrs, mtu, bandwidth }: CniOptions): string {
  const routes = podCidrs.map((cidr) => ({ dst: cidr.includes(':') ? '::/0' : '0.0.0.0/0' }));
  return `${JSON.stringify({
    cniVersion: '0.4.0',
    name: 'kubernode',
    plugins: [
      {
        type: 'bridge', bridge: POD_BRIDGE, isGateway: true,
        // Not by the plugin: it would hide the addresses of pods from other nodes' pods.
        ipMasq: false,
        hairpinMode: true, mtu,
        ipam: { type: 'host-local', ranges: podCidrs.map((subnet) => [{ subnet }]), routes },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
      ...(bandwidth ? [{ type: 'bandwidth', capabilities: { bandwidth: true } }] : []),
    ],
  }, undefined, 2)}\n`;
}
