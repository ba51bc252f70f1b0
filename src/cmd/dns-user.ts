/** DNS servers run in the node processes, one on each node, under this name. */
export const DNS_USER = 'system:coredns';
