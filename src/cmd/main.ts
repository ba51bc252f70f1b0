/**
 * The command line: every command with its options, each action loaded only when it is asked for.
 *
 * Nothing happens here but parsing; a command's work stands in its own file.
 */
import { setMaxListeners } from 'node:events';
import { Argument, Command, Option } from 'commander';
import { dataDir, output, withApiServer, withComponent, withEtcdFace, withMachineNode, withStorage } from './flags.ts';
import { reportFailure } from './terminal.ts';
import { VERSION } from './version.ts';

/** Many parts of one process wait for the same stop signal; more than this is a leak. */
const LISTENERS_MAX = 1_000;
setMaxListeners(LISTENERS_MAX);

const program = new Command('kubernode')
  .description('Kubernetes v1.36 in TypeScript: a cluster with one command')
  .version(VERSION, '-v, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .configureHelp({ subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map((argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`))].join(' ') })
  .addHelpText('after', `
Examples:
  kubernode up --nodes 3                      a cluster of three nodes on this machine
  kubectl get nodes                           look at it
  kubernode image build ./site --tag site:1   an image without a registry
  kubernode down                              stop it; kubernode up brings it back

  kubernode server                            on one machine: a cluster of machines
  kubernode token create --print-join         prints what to run on the others

kubernode COMMAND --help says what a command takes.`)
  .showHelpAfterError('(kubernode --help shows the commands)')
  .enablePositionalOptions();

program.commandsGroup('A cluster on this machine:');

withApiServer(withEtcdFace(withStorage(program.command('up').description('start a local cluster of one or more nodes, each a machine of its own'))))
  .addOption(dataDir())
  .option('--nodes <n>', 'how many nodes', '1')
  .option('--foreground', 'stay, and stop the cluster when interrupted')
  .option('--no-kubeconfig-merge', 'leave the kubeconfig of the user alone')
  .action(async (options) => (await import('./up.ts')).up(options));

program.command('down').description('stop the cluster; its data stays')
  .addOption(dataDir())
  .action(async (options) => (await import('./down.ts')).down(options));

program.command('reset').description('remove the cluster and all it made')
  .addOption(dataDir())
  .option('--yes', 'really')
  .action(async (options) => (await import('./down.ts')).reset(options));

program.command('status').description('nodes and processes of the cluster')
  .addOption(dataDir())
  .addOption(output())
  .action(async (options) => (await import('./status.ts')).status(options));

program.command('logs').description('logs of a process of the cluster; without a name, which there are').argument('[name]')
  .addOption(dataDir())
  .option('-f, --follow', 'go on as lines come')
  .option('--tail <lines>', 'only the last lines')
  .action(async (name, options) => (await import('./status.ts')).logs(name, options));

program.command('node-power').description('cut the power of one node: all of it ends at once; up brings it back').addArgument(new Argument('<state>').choices(['off'])).argument('<node>')
  .addOption(dataDir())
  .action(async (_state, node, options) => (await import('./down.ts')).powerOffNode(node, options));

program.commandsGroup('A cluster of machines:');

withApiServer(withEtcdFace(withStorage(withMachineNode(program.command('server').description('run the control plane of a cluster of machines, with this machine as a node')))))
  .option('--port <port>', 'port of the API server', '6443')
  .option('--bind-address <addresses...>', 'addresses to listen on (default: 127.0.0.1 and the node\'s)')
  .option('--tls-san <names...>', 'further names and addresses that the API server is reached by')
  .option('--cluster-cidr <network>', 'addresses of pods', '10.244.0.0/16')
  .option('--service-cidr <network>', 'addresses of services', '10.96.0.0/12')
  .option('--cluster-dns <address>', 'address of the DNS service (default: the tenth of the services)')
  .option('--no-node', 'control plane only')
  .option('--server <url>', 'be a further server of the cluster there: https://ADDRESS:6443; needs the same --etcd-servers')
  .addOption(new Option('--token <token>', 'token from kubernode token create --for-server, needed once').env('KUBERNODE_TOKEN'))
  .action(async (options) => (await import('./server.ts')).runServer(options));

withMachineNode(program.command('agent').description('make this machine a node of a cluster elsewhere'))
  .requiredOption('--server <url>', 'API server of the cluster: https://ADDRESS:6443; several separated by commas')
  .addOption(new Option('--token <token>', 'bootstrap token, needed once').env('KUBERNODE_TOKEN'))
  .option('--token-file <file>', 'file with the token')
  .action(async (options) => (await import('./agent.ts')).runAgent(options));

const token = program.command('token').description('bootstrap tokens, with which machines join');
token.command('create').description('make a token').argument('[token]', 'the token itself; by default a new one')
  .addOption(dataDir())
  .option('--kubeconfig <file>', 'administrator\'s kubeconfig of a cluster elsewhere')
  .option('--for-server', 'for a further server of the cluster: who has it gets the cluster\'s keys')
  .option('--ttl <time>', 'how long it lives, 0 for without end (default: 24h; for a server 1h)')
  .option('--description <text>', 'what it is for')
  .option('--groups <groups...>', 'groups of who uses it; each system:bootstrappers:…')
  .option('--print-join', 'print the whole command that joins a machine; its token carries the hash of the cluster\'s authority')
  .action(async (text, options) => (await import('./token.ts')).createToken(text, options));
token.command('list').description('tokens of the cluster, without their secrets')
  .addOption(dataDir())
  .option('--kubeconfig <file>', 'administrator\'s kubeconfig of a cluster elsewhere')
  .addOption(output())
  .action(async (options) => (await import('./token.ts')).listTokens(options));
token.command('delete').description('take a token back').argument('<token>', 'its id (the six letters), or all of it')
  .addOption(dataDir())
  .option('--kubeconfig <file>', 'administrator\'s kubeconfig of a cluster elsewhere')
  .action(async (text, options) => (await import('./token.ts')).deleteToken(text, options));

program.commandsGroup('Any cluster:');

program.command('kubeconfig').description('print the administrator\'s kubeconfig, or one for a component that runs alone')
  .addOption(dataDir())
  .addOption(new Option('--component <name>', 'with the component\'s own identity').choices(['controller-manager', 'scheduler', 'proxy', 'dns']))
  .action(async (options) => (await import('./status.ts')).printKubeconfig(options));

const image = program.command('image').description('images without a registry');
image.command('build').description('make an image of a folder (its root file system) or of one static program').argument('<source>')
  .addOption(dataDir())
  .requiredOption('--tag <name>', 'name of the image')
  .option('--entrypoint <words...>', 'what a container runs')
  .option('--cmd <words...>', 'its default arguments')
  .option('--env <NAME=value...>', 'its environment')
  .option('--workdir <dir>', 'where it runs')
  .option('--user <user>', 'as whom')
  .action(async (source, options) => (await import('./image.ts')).buildImage(source, options));
image.command('load').description('load an image archive (OCI or docker) into the nodes').argument('<file>')
  .addOption(dataDir())
  .action(async (file, options) => (await import('./image.ts')).loadImage(file, options));
image.command('list').description('images of the nodes')
  .addOption(dataDir())
  .action(async (options) => (await import('./image.ts')).listImages(options));

const snapshot = program.command('snapshot').description('the state of the cluster in one file: save it, look into it, put it back');
snapshot.command('save').description('write the state of the cluster to a file; the cluster may run').argument('<file>')
  .addOption(dataDir())
  .option('--kubeconfig <file>', 'administrator\'s kubeconfig of a cluster elsewhere')
  .option('--force', 'replace the file when it exists')
  .action(async (file, options) => (await import('./snapshot.ts')).saveCommand(file, options));
withStorage(snapshot.command('restore').description('put a snapshot back into a stopped cluster').argument('<file>'))
  .addOption(dataDir())
  .option('--replace', 'also where there is a store; the old one is kept beside it')
  .action(async (file, options) => (await import('./snapshot.ts')).restoreCommand(file, options));
snapshot.command('inspect').description('check a snapshot and say what is in it').argument('<file>')
  .addOption(output())
  .action(async (file, options) => (await import('./snapshot.ts')).inspectCommand(file, options));

const store = program.command('store').description('the embedded store of a stopped cluster: check it, give space back');
store.command('check').description('read every record and say what is damaged')
  .addOption(dataDir())
  .addOption(output())
  .action(async (options) => (await import('./snapshot.ts')).checkCommand(options));
store.command('compact').description('forget history and give its space back to the disk')
  .addOption(dataDir())
  .action(async (options) => (await import('./snapshot.ts')).compactCommand(options));

program.commandsGroup('Parts, each by itself:');

withApiServer(withEtcdFace(withStorage(program.command('apiserver').description('the API server, with an authority of its own'))))
  .addOption(dataDir())
  .option('--secure-port <port>', 'port to serve HTTPS on', '6443')
  .option('--bind-address <address>', 'address to listen on', '127.0.0.1')
  .action(async (options) => (await import('./apiserver.ts')).runApiServer(options));

withComponent(program.command('controller-manager').description('the controllers'), '10257')
  .option('--controllers <names>', 'names to run, * for all, -name for all but that')
  .option('--cluster-cidr <networks>', 'addresses of pods; nodes get ranges from it')
  .option('--service-cluster-ip-range <networks>', 'addresses of services')
  .option('--root-ca-file <file>', 'authority that pods are given to trust the API server')
  .option('--cluster-signing-cert-file <file>', 'authority that signs certificate requests')
  .option('--cluster-signing-key-file <file>', 'its key')
  .option('--no-leader-elect', 'do not compete: this is the only one')
  .option('--no-use-service-account-credentials', 'all controllers act as the kubeconfig\'s user')
  .action(async (options) => (await import('./controller-manager.ts')).runControllerManager(options));

withComponent(program.command('scheduler').description('the scheduler'), '10259')
  .option('--scheduler-name <name>', 'pods with this schedulerName are placed', 'default-scheduler')
  .option('--no-leader-elect', 'do not compete: this is the only one')
  .action(async (options) => (await import('./scheduler.ts')).runScheduler(options));

program.command('kubelet').description('the kubelet of this machine')
  .option('--kubeconfig <file>', 'how to reach the API server; without it only static pods run')
  .option('--config <file>', 'KubeletConfiguration; flags win')
  .option('--container-runtime-endpoint <endpoint>', 'CRI socket', 'unix:///run/containerd/containerd.sock')
  .option('--root-dir <dir>', 'where volumes and state of pods lie')
  .option('--node-ip <addresses>', 'address of this node; two for both families')
  .option('--hostname-override <name>', 'name of the node')
  .option('--cluster-dns <addresses>', 'DNS servers of pods')
  .option('--cluster-domain <domain>', 'domain of the cluster')
  .option('--pod-manifest-path <dir>', 'static pods')
  .option('--cgroup-root <path>', 'cgroup below which pods live')
  .option('--max-pods <count>', 'pods this node takes')
  .option('--node-labels <labels>', 'key=value,… for a new node')
  .option('--register-with-taints <taints>', 'key=value:Effect,… for a new node')
  .option('--resolv-conf <file>', 'resolver configuration for pods with dnsPolicy Default')
  .option('--port <port>', 'port of the HTTPS server')
  .option('--healthz-port <port>', 'port of the health server on 127.0.0.1')
  .option('--tls-cert-file <file>', 'serving certificate')
  .option('--tls-private-key-file <file>', 'its key')
  .option('--client-ca-file <file>', 'authorities of client certificates')
  .action(async (options) => (await import('./kubelet.ts')).runKubelet(options));

withComponent(program.command('proxy').description('the service proxy of this machine'), '10249')
  .option('--hostname-override <name>', 'name of the node (default: the host name)')
  .option('--node-ip <address>', 'address of this node')
  .option('--cluster-cidr <network>', 'addresses of pods', '10.244.0.0/16')
  .action(async (options) => (await import('./proxy.ts')).runProxy(options));

withComponent(program.command('dns').description('the cluster\'s DNS server'), '9153')
  .option('--address <address>', 'address to answer on', '127.0.0.1')
  .option('--port <port>', 'port to answer on', '53')
  .option('--cluster-domain <domain>', 'domain of the cluster', 'cluster.local')
  .action(async (options) => (await import('./dns.ts')).runDns(options));

program.command('control-plane').description('API server, controllers and scheduler of a local cluster (up runs it)')
  .addOption(dataDir())
  .action(async (options) => (await import('./control-plane.ts')).runControlPlane(options));

program.command('node').description('kubelet, proxy and DNS of one node (up, server and agent run it)')
  .addOption(dataDir())
  .option('--name <node>', 'name of the node')
  .option('--settings <file>', 'this machine as a node: what kubernode server or agent wrote down')
  .action(async (options) => (await import('./node.ts')).runNode(options));

program.parseAsync().catch(reportFailure);
