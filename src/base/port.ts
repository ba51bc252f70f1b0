/** Whether a port of loopback is free. */
import { createServer } from 'node:net';

/** True when nothing listens on the TCP port of 127.0.0.1 now; by the time a server listens there, something may. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => { resolve(false); });
    probe.listen(port, '127.0.0.1', () => { probe.close(() => { resolve(true); }); });
  });
}
