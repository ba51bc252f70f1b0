/** The rules of probes and lifecycle hooks. */
import type { Container, Lifecycle, Probe } from '#api/generated/core/v1';
import { httpHeaderNameFaults, portNameFaults, portNumberFaults } from '#machinery/names';
import type { Faults } from './faults.ts';

const STOP_SIGNALS_WINDOWS = ['SIGKILL', 'SIGTERM'];
const REAL_TIME_SIGNALS = [
  'SIGRTMIN', ...Array.from({ length: 15 }, (_, index) => `SIGRTMIN+${index + 1}`), 'SIGRTMAX',
  ...Array.from({ length: 14 }, (_, index) => `SIGRTMAX-${index + 1}`),
];
const STOP_SIGNALS_LINUX = [
  ...('ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN '
    + 'TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ').split(' ').map((name) => `SIG${name}`),
  ...REAL_TIME_SIGNALS,
].sort();

interface Handler {
  exec?: { command?: string[] };
  httpGet?: { path?: string; port?: number | string; scheme?: string; httpHeaders?: { name: string }[] };
  tcpSocket?: { port?: number | string };
  grpc?: { port?: number };
  sleep?: { seconds?: number };
}

export function checkPort(port: number | string | undefined, place: string, faults: Faults): void {
  if (typeof port === 'string') faults.invalidAll(place, port, portNameFaults(port));
  else faults.invalidAll(place, port ?? 0, portNumberFaults(port ?? 0));
}

const HANDLER_CHECKS: { [kind in keyof Handler]-?: (handler: NonNullable<Handler[kind]>, place: string, faults: Faults, graceSeconds?: number) => void } = {
  exec: (exec, place, faults) => {
    if (!exec.command?.length) faults.required(`${place}.command`);
  },
  httpGet: (get, place, faults) => {
    if (!get.path) faults.required(`${place}.path`);
    checkPort(get.port, `${place}.port`, faults);
    faults.strictlyOneOf(`${place}.scheme`, get.scheme, ['HTTP', 'HTTPS']);
    for (const header of get.httpHeaders ?? []) faults.invalidAll(`${place}.httpHeaders`, header.name, httpHeaderNameFaults(header.name ?? ''));
  },
  tcpSocket: (socket, place, faults) => checkPort(socket.port, `${place}.port`, faults),
  grpc: (grpc, place, faults) => checkPort(grpc.port, `${place}.port`, faults),
  sleep: (sleep, place, faults, graceSeconds) => {
    const seconds = sleep.seconds ?? 0;
    if (graceSeconds !== undefined && (seconds < 0 || seconds > graceSeconds)) {
      faults.invalid(place, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`);
    }
  },
};

function checkHandler(handler: Handler, kinds: readonly (keyof Handler)[], graceSeconds: number | undefined, place: string, faults: Faults): void {
  let found = false;
  for (const kind of kinds) {
    const chosen = handler[kind];
    if (!chosen) continue;
    if (found) faults.forbidden(`${place}.${kind}`, 'may not specify more than 1 handler type');
    else HANDLER_CHECKS[kind](chosen as never, `${place}.${kind}`, faults, graceSeconds);
    found = true;
  }
  if (!found) faults.required(place, 'must specify a handler type');
}

const PROBE_COUNTS = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;

function checkProbe(probe: Probe | undefined, graceSeconds: number | undefined, place: string, faults: Faults, isReadiness: boolean): void {
  if (!probe) return;
  checkHandler(probe as Handler, ['exec', 'httpGet', 'tcpSocket', 'grpc'], graceSeconds, place, faults);
  for (const field of PROBE_COUNTS) faults.nonNegative(`${place}.${field}`, probe[field]);
  const seconds = probe.terminationGracePeriodSeconds;
  if (seconds !== undefined && seconds <= 0) faults.invalid(`${place}.terminationGracePeriodSeconds`, seconds, 'must be greater than 0');
  if (isReadiness) {
    if (seconds !== undefined) faults.invalid(`${place}.terminationGracePeriodSeconds`, seconds, 'must not be set for readinessProbes');
  } else if (probe.successThreshold !== 1) {
    faults.invalid(`${place}.successThreshold`, probe.successThreshold ?? 0, 'must be 1');
  }
}

export function checkProbesAndLifecycle(container: Container, osName: string | undefined, graceSeconds: number | undefined, place: string, faults: Faults): void {
  if (container.lifecycle) checkLifecycle(container.lifecycle, osName, graceSeconds, `${place}.lifecycle`, faults);
  checkProbe(container.livenessProbe, graceSeconds, `${place}.livenessProbe`, faults, false);
  checkProbe(container.readinessProbe, graceSeconds, `${place}.readinessProbe`, faults, true);
  checkProbe(container.startupProbe, graceSeconds, `${place}.startupProbe`, faults, false);
}

function checkLifecycle(lifecycle: Lifecycle, osName: string | undefined, graceSeconds: number | undefined, place: string, faults: Faults): void {
  for (const hook of ['postStart', 'preStop'] as const) {
    const handler = lifecycle[hook];
    if (handler) checkHandler(handler as Handler, ['exec', 'httpGet', 'tcpSocket', 'sleep'], graceSeconds, `${place}.${hook}`, faults);
  }
  if (lifecycle.stopSignal === undefined) return;
  const at = `${place}.stopSignal`;
  if (osName === undefined) faults.forbidden(at, 'may not be set for containers with empty `spec.os.name`');
  else if (osName === 'windows') faults.strictlyOneOf(at, lifecycle.stopSignal, STOP_SIGNALS_WINDOWS);
  else if (osName === 'linux') faults.strictlyOneOf(at, lifecycle.stopSignal, STOP_SIGNALS_LINUX);
}
