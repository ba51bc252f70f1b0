/**
 * Whether an ended container is started again: its own rules, its own policy, the pod's policy, in this order.
 */
import type { Container, Pod } from '#api/generated/core/v1';
import { findState, type PodState } from './pod-state.ts';

type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

export function podRestartPolicy(pod: Pod): RestartPolicy {
  const policy = pod.spec?.restartPolicy;
  return policy === 'OnFailure' || policy === 'Never' ? policy : 'Always';
}

export function restartsAfter(pod: Pod, container: Container, exitCode: number): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const values = rule.exitCodes?.values ?? [];
    const matches = rule.exitCodes?.operator === 'NotIn' ? !values.includes(exitCode) : values.includes(exitCode);
    if (rule.exitCodes !== undefined && matches && rule.action === 'Restart') return true;
  }
  const policy = container.restartPolicy ?? initPolicy(pod, container) ?? podRestartPolicy(pod);
  if (policy === 'Always') return true;
  return policy === 'OnFailure' && exitCode !== 0;
}

/** Init containers run to success: Always means OnFailure for them. */
function initPolicy(pod: Pod, container: Container): RestartPolicy | undefined {
  const isInit = (pod.spec?.initContainers ?? []).some((init) => init.name === container.name);
  return isInit && podRestartPolicy(pod) === 'Always' ? 'OnFailure' : undefined;
}

export function shouldStart(pod: Pod, container: Container, state: PodState): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  const current = findState(state, container.name);
  if (current === undefined || current.state === 'unknown' || current.state === 'created') return true;
  return current.state !== 'running' && restartsAfter(pod, container, current.exitCode);
}
