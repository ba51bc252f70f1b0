/**
 * The command line: every command with its options, each action loaded only when it is asked for.
 *
 * Nothing happens here but parsing; a command's work stands in its own file.
 */
import { Command, Option } from 'commander';
import { DEFAULT_DATA_DIR } from './cluster-config.ts';
import { reportFailure } from './terminal.ts';

const dataDir = (): Option => new Option('--data-dir <dir>', 'where the cluster keeps everything').default(DEFAULT_DATA_DIR).env('KUBERNODE_DATA_DIR');

const program = new Command('kubernode')
  .description('Kubernetes v1.36 in TypeScript: a cluster with one command')
  .showHelpAfterError('(kubernode --help shows the commands)')
  .enablePositionalOptions();

program.command('apiserver').description('run the API server alone')
  .addOption(dataDir())
  .option('--secure-port <port>', 'port to serve HTTPS on', '6443')
  .option('--bind-address <address>', 'address to listen on', '127.0.0.1')
  .option('--storage <engine>', 'embedded or memory', 'embedded')
  .option('--audit-policy-file <file>', 'audit policy')
  .option('--audit-log-path <file>', 'audit log, JSON lines; - for standard output')
  .option('--feature-gates <gates>', 'Name=true,Other=false')
  .option('--runtime-config <config>', 'group/version=true,…')
  .action(async (options) => (await import('./apiserver.ts')).runApiServer(options));

program.parseAsync().catch(reportFailure);
