/**
 * The port of a probe or hook: a number, or the name of one of the container's ports.
 */
import type { Container } from '#api/generated/core/v1';
import type { IntOrString } from '#machinery/int-or-string';

/** @throws Error for an unknown name or a number out of range. */
export function resolvePort(port: IntOrString | undefined, container: Container): number {
  if (typeof port === 'number') return inRange(port);
  const named = (container.ports ?? []).find((entry) => entry.name === port);
  if (named !== undefined) return inRange(named.containerPort);
  if (port !== undefined && /^\d+$/.test(port)) return inRange(Number(port));
  throw new Error(`couldn't find port: ${JSON.stringify(port ?? '')} in pod`);
}

function inRange(port: number): number {
  if (port > 0 && port < 65_536) return port;
  throw new Error(`invalid port number: ${port}`);
}
