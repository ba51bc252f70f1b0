/** Flags that several commands share, so that they are called the same everywhere. */
import { Option, type Command } from 'commander';
import { DEFAULT_DATA_DIR } from './cluster-config.ts';

export const dataDir = (): Option => new Option('--data-dir <dir>', 'where the cluster keeps everything').default(DEFAULT_DATA_DIR).env('KUBERNODE_DATA_DIR');

export const output = (): Option => new Option('-o, --output <format>', 'as JSON').choices(['json']);

/** Where the cluster state is kept, the same flags wherever a store is opened. */
export function withStorage(command: Command): Command {
  return command
    .addOption(new Option('--storage <engine>', 'where the cluster state is kept (default: embedded)').choices(['embedded', 'etcd', 'memory']))
    .option('--etcd-servers <urls>', 'etcd to use: https://host:2379,…')
    .option('--etcd-cafile <file>', 'authority of etcd\'s certificates')
    .option('--etcd-certfile <file>', 'client certificate for etcd')
    .option('--etcd-keyfile <file>', 'its key')
    .option('--etcd-user <name>', 'user of etcd')
    .option('--etcd-password-file <file>', 'file with the password of that user');
}

/** The store as other programs see it. */
export function withEtcdFace(command: Command): Command {
  return command.option('--etcd-listen <urls>', 'serve the embedded store as etcd: unix:///path or https://127.0.0.1:2379 (for clients with <data-dir>/pki/etcd/client.crt); off by default');
}

/** How the API server behaves; the flags are upstream's. */
export function withApiServer(command: Command): Command {
  return command
    .option('--audit-policy-file <file>', 'audit policy')
    .option('--audit-log-path <file>', 'audit log, JSON lines; - for standard output')
    .option('--feature-gates <gates>', 'Name=true,Other=false')
    .option('--runtime-config <config>', 'group/version=true,…')
    .option('--enable-admission-plugins <names>', 'plugins to run besides those that run by default, such as OwnerReferencesPermissionEnforcement')
    .option('--disable-admission-plugins <names>', 'plugins not to run though they do by default');
}

/** Flags of the components that run alone. */
export function withComponent(command: Command, healthPort: string): Command {
  return command
    .option('--kubeconfig <file>', 'how to reach the API server (absent: by the service account of the pod)')
    .option('--health-port <port>', 'port of health and metrics; 0 for none', healthPort)
    .option('--health-address <address>', 'address of health and metrics', '127.0.0.1');
}

/** This machine as a node: the same flags for server and agent. */
export function withMachineNode(command: Command): Command {
  return command
    .addOption(dataDir())
    .option('--node-name <name>', 'name of this node (default: the host name)')
    .option('--node-ip <address>', 'address of this node (default: the one this machine speaks to the outside from)')
    .option('--node-labels <labels>', 'key=value,… for the new node')
    .option('--node-taints <taints>', 'key=value:Effect,… for the new node')
    .option('--container-runtime-endpoint <endpoint>', 'a container runtime that runs already (default: a containerd of its own)');
}
