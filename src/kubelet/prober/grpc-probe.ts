/**
 * The gRPC health protocol: `grpc.health.v1.Health/Check` once over plaintext HTTP/2.
 */
import * as grpc from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { systemClock } from '#base/clock';
import type { ProbeAnswer } from './results.ts';

const HEALTH = {
  nested: { grpc: { nested: { health: { nested: { v1: { nested: {
    Health: { methods: { Check: { requestType: 'HealthCheckRequest', responseType: 'HealthCheckResponse' } } },
    HealthCheckRequest: { fields: { service: { type: 'string', id: 1 } } },
    HealthCheckResponse: { fields: { status: { type: 'ServingStatus', id: 1 } }, nested: { ServingStatus: { values: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } } } },
  } } } } } } },
};

type Checker = grpc.Client & { Check(request: object, options: grpc.CallOptions, done: (error: grpc.ServiceError | null, answer?: { status: string }) => void): void };
let constructor: grpc.ServiceClientConstructor | undefined;

function healthClient(): grpc.ServiceClientConstructor {
  if (constructor !== undefined) return constructor;
  let node: unknown = grpc.loadPackageDefinition(fromJSON(HEALTH as Parameters<typeof fromJSON>[0], { enums: String, defaults: true }));
  for (const part of ['grpc', 'health', 'v1', 'Health']) node = (node as Record<string, unknown>)[part];
  constructor = node as grpc.ServiceClientConstructor;
  return constructor;
}

export function grpcHealthCheck(host: string, port: number, service: string, timeoutMs: number): Promise<ProbeAnswer> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const client = new (healthClient())(address, grpc.credentials.createInsecure(), { 'grpc.enable_retries': 0, 'grpc.primary_user_agent': 'kube-probe/1.36', 'grpc.use_local_subchannel_pool': 1 }) as unknown as Checker;
  return new Promise((resolve) => {
    client.Check({ service }, { deadline: systemClock.now() + timeoutMs }, (error, answer) => {
      client.close();
      if (error !== null) resolve({ outcome: 'failure', output: failureText(error, address, service, timeoutMs) });
      else if (answer?.status === 'SERVING') resolve({ outcome: 'success', output: 'service healthy' });
      else resolve({ outcome: 'failure', output: `service unhealthy (responded with "${answer?.status ?? 'UNKNOWN'}")` });
    });
  });
}

function failureText(error: grpc.ServiceError, address: string, service: string, timeoutMs: number): string {
  switch (error.code) {
    case grpc.status.UNIMPLEMENTED: return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`;
    case grpc.status.DEADLINE_EXCEEDED: return `timeout: health rpc did not complete within ${timeoutMs / 1000}s`;
    case grpc.status.UNAVAILABLE: return `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: ${error.details}`;
    default: return `error: health rpc probe failed${service === '' ? '' : ` for service "${service}"`}: ${error.details}`;
  }
}
