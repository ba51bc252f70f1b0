/** Ports on loopback for the servers that tests start in processes of their own. */
import { randomInt } from 'node:crypto';
import { isPortFree } from '../port.ts';

/** Above the ports of Kubernetes' components, below node ports (30000) and those that Linux gives to connections by default (32768). */
const PORT_MIN = 12_000;
const PORT_MAX = 29_999;
const TRIES_MAX = 1_000;

/**
 * `count` different ports on which nothing listens. Linux gives none of them to connections and `listen(0)`, so they are still free
 * when their server comes to listen, and when it starts again; another test takes the same one only by chance.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === TRIES_MAX) throw new Error(`no ${count} free ports between ${PORT_MIN} and ${PORT_MAX} in ${TRIES_MAX} tries`);
    const port = randomInt(PORT_MIN, PORT_MAX + 1);
    if (await isPortFree(port)) ports.add(port);
  }
  return [...ports];
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}
