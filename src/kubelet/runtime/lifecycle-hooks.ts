/**
 * Runs a postStart or preStop handler: a command in the container, an HTTP request to the pod, or a sleep.
 */
import type { Clock } from '#base/clock';
import type { Container, LifecycleHandler, Pod } from '#api/generated/core/v1';
import type { RuntimeService } from '../cri/contract.ts';
import { httpRequestOf, requestOnce } from '../prober/http-probe.ts';
import { resolvePort } from '../prober/port.ts';
import { podText } from './pod-text.ts';

/** Upstream's lifecycle HTTP client waits this long. */
const HTTP_TIMEOUT_MS = 30_000;
/** Of a hook's output in messages. */
const OUTPUT_CHARS_MAX = 1024;

export interface HookRunner {
  /** @throws Error with upstream's text. */
  run(pod: Pod, container: Container, containerId: string, handler: LifecycleHandler, podIp: string, signal?: AbortSignal): Promise<void>;
}

export function hookRunner(runtime: RuntimeService, clock: Clock): HookRunner {
  return {
    run: async (pod, container, containerId, handler, podIp, signal) => {
      if (handler.exec !== undefined) {
        const command = handler.exec.command ?? [];
        const result = await runtime.execSync(containerId, command, 0, signal);
        if (result.exitCode === 0) return;
        const output = Buffer.concat([result.stdout, result.stderr]).toString().slice(0, OUTPUT_CHARS_MAX);
        throw new Error(`Exec lifecycle hook (${command.join(' ')}) for Container "${container.name}" in Pod "${podText(pod)}" failed - error: command '${command.join(' ')}' exited with ${result.exitCode}: ${output}, message: ${JSON.stringify(output)}`);
      }
      if (handler.httpGet !== undefined) {
        const port = resolvePort(handler.httpGet.port, container);
        const request = httpRequestOf(handler.httpGet, port, podIp, 'kube-lifecycle/1.36');
        const answer = await requestOnce(request, clock, HTTP_TIMEOUT_MS, signal);
        if (answer.status >= 200 && answer.status < 400) return;
        throw new Error(`HTTP lifecycle hook (${handler.httpGet.path ?? ''}) for Container "${container.name}" in Pod "${podText(pod)}" failed - error: HTTP probe failed with statuscode: ${answer.status}`);
      }
      if (handler.sleep !== undefined) { await clock.sleep(handler.sleep.seconds * 1000, signal); return; }
      throw new Error(`invalid handler: ${podText(pod)}`);
    },
  };
}
