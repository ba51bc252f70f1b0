/** Binds the pod by its `binding` subresource. */
import { pods } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SUCCESS } from '../framework/status.ts';

export function defaultBinder(client: Client): SchedulerPlugin {
  return {
    name: 'DefaultBinder',
    async bind(_state, { pod }, node, signal) {
      const { name, namespace, uid } = pod.metadata;
      await client.for(pods, namespace).createSubresource(name!, 'binding', {
        apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { kind: 'Node', name: node },
      }, { signal });
      return SUCCESS;
    },
  };
}
