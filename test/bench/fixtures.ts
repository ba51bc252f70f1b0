/**
 * Stores filled beforehand: many objects in the engine, written past the API server in the form it stores them itself.
 *
 * The server makes one object first, so that defaults, managed fields and encoding are its own; the copies differ in name, uid
 * and a label.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { HttpConnection } from './load/http-connection.ts';
import { httpRequest } from './load/http-load.ts';
import { startKubernode, type ApiServerUnderTest } from './servers/kubernode.ts';

const WRITERS = 256;
const TEMPLATE = 'bench-template';
const GROUP_SIZE = 1_000;

/** A pod of about that many bytes as stored. */
export function podBody(name: string, storedBytes = 3_000): string {
  const filler = Math.max(1, storedBytes - POD_BYTES);
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: 'bench', group: 'group-00000' }, annotations: { filler: 'x'.repeat(filler) } },
    spec: {
      serviceAccountName: 'default', automountServiceAccountToken: false,
      containers: [{
        name: 'main', image: 'registry.example/bench:1', env: [{ name: 'A', value: '1' }, { name: 'B', value: '2' }], ports: [{ containerPort: 8080 }],
        resources: { requests: { cpu: '100m', memory: '64Mi' } }, readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
      }],
    },
  });
}

/** What a pod from `podBody` takes stored, filler aside. */
const POD_BYTES = 2_380;

/** The account every pod needs, which a controller would make. */
export async function makeAccount(server: Pick<ApiServerUnderTest, 'endpoint'>): Promise<void> {
  await send(server, 'POST', '/api/v1/namespaces/default/serviceaccounts', '{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default"}}', [201, 409]);
}

export async function send(server: Pick<ApiServerUnderTest, 'endpoint'>, method: string, path: string, body?: string, expect: readonly number[] = [200, 201]): Promise<Buffer> {
  const connection = await HttpConnection.open(server.endpoint);
  try {
    const answer = await connection.request(httpRequest(method, path, body), { keep: true });
    if (!expect.includes(answer.status)) throw new Error(`${method} ${path}: ${answer.status} ${answer.body?.toString('utf8').slice(0, 500)}`);
    return answer.body!;
  } finally {
    connection.close();
  }
}

/** A data directory with that many copies of the object. @param resource such as `pods` */
export async function filledDirectory(directory: string, resource: string, count: number, body: (name: string) => string): Promise<void> {
  const server = await startKubernode({ directory });
  await makeAccount(server);
  await send(server, 'POST', `/api/v1/namespaces/default/${resource}`, body(TEMPLATE));
  await server.stop();
  const storage = await openEmbeddedStorage({ directory: join(directory, 'storage'), clock: systemClock, log: silentLogger });
  const prefix = `/registry/${resource}/default/`;
  const template = (await storage.get(prefix + TEMPLATE))!.value.toString('utf8');
  const uid = /"uid":"([^"]+)"/.exec(template)![1]!;
  let next = 0;
  await Promise.all(Array.from({ length: WRITERS }, async () => {
    while (next < count - 1) {
      const i = next++;
      const name = `bench-${String(i).padStart(8, '0')}`;
      const group = String(Math.floor(i / GROUP_SIZE)).padStart(5, '0');
      const value = Buffer.from(template.replaceAll(TEMPLATE, name).replace(uid, randomUUID()).replace('group-00000', `group-${group}`));
      await storage.write({ key: prefix + name, value, expectedRevision: 0 });
    }
  }));
  await storage.compact(await storage.currentRevision());
  await storage.close();
}
