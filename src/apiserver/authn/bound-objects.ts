/** The objects that service-account tokens are tied to, as the API server has them now. */
import type { Node, Pod, Secret, ServiceAccount } from '#api/generated/core/v1';

export interface BoundObjects {
  serviceAccount(namespace: string, name: string, signal: AbortSignal): Promise<ServiceAccount | undefined>;
  pod(namespace: string, name: string, signal: AbortSignal): Promise<Pod | undefined>;
  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
  node(name: string, signal: AbortSignal): Promise<Node | undefined>;
}
