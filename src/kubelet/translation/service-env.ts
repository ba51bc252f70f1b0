/**
 * Environment variables that tell a container where its namespace's services are (docker links' names included).
 */
import type { Service } from '#api/generated/core/v1';

/** @param services those of the pod's namespace and `default/kubernetes`; later ones win. */
export function serviceEnvironment(services: readonly Service[]): Map<string, string> {
  const env = new Map<string, string>();
  for (const service of services) {
    const ip = service.spec?.clusterIP;
    const ports = service.spec?.ports ?? [];
    if (ip === undefined || ip === '' || ip === 'None' || ports.length === 0) continue;
    const prefix = variableName(service.metadata.name ?? '');
    env.set(`${prefix}_SERVICE_HOST`, ip);
    env.set(`${prefix}_SERVICE_PORT`, String(ports[0]!.port));
    for (const port of ports) if (port.name !== undefined && port.name !== '') env.set(`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port));
    const host = ip.includes(':') ? `[${ip}]` : ip;
    ports.forEach((port, index) => {
      const protocol = port.protocol ?? 'TCP';
      const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
      const portPrefix = `${prefix}_PORT_${port.port}_${protocol}`;
      if (index === 0) env.set(`${prefix}_PORT`, url);
      env.set(portPrefix, url);
      env.set(`${portPrefix}_PROTO`, protocol.toLowerCase());
      env.set(`${portPrefix}_PORT`, String(port.port));
      env.set(`${portPrefix}_ADDR`, ip);
    });
  }
  return env;
}

/** Which services a container of this namespace hears of, `default/kubernetes` always. */
export function servicesFor(namespace: string, enableServiceLinks: boolean, all: { list(namespace?: string): Service[]; get(name: string, namespace?: string): Service | undefined }): Service[] {
  const kubernetes = all.get('kubernetes', 'default');
  const linked = enableServiceLinks ? all.list(namespace) : [];
  return [...(kubernetes === undefined ? [] : [kubernetes]), ...linked.sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1))];
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
