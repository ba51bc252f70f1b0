/** `kubernode scheduler`: the scheduler by itself, against an API server named by a kubeconfig. */
import { createScheduler } from '#scheduler/component';
import { leaderElectionOf, runComponent, type ComponentFlags, type LeaderElectionFlags } from './component-process.ts';

interface SchedulerCommand extends ComponentFlags, LeaderElectionFlags { readonly schedulerName?: string }

export async function runScheduler(command: SchedulerCommand): Promise<void> {
  await runComponent('scheduler', command, ({ context, client }) => [createScheduler({
    ...context, client, ...leaderElectionOf(command), ...(command.schedulerName === undefined ? {} : { schedulerName: command.schedulerName }),
  })]);
}
