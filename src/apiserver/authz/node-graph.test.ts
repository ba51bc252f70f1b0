import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PersistentVolume, Pod } from '#api/generated/core/v1';
import type { Informer, InformerFactory, InformerHandlers } from '#client/informer-contract';
import type { ResourceType } from '#machinery/meta';
import { NodeGraph } from './node-graph.ts';

describe('node graph', () => {
  it('keeps the way over a volume when the volume changes', () => {
    const handlers = new Map<string, InformerHandlers<never>>();
    const informer = (name: string) => ({ addHandlers: (given: InformerHandlers<never>) => { handlers.set(name, given); return () => undefined; } }) as unknown as Informer<never>;
    const factory = { for: (resource: ResourceType) => informer(resource.resource) } as unknown as InformerFactory;
    const graph = new NodeGraph();
    graph.follow(factory, informer('pods') as unknown as Informer<Pod>);
    const pod: Pod = { metadata: { name: 'p', namespace: 'n' }, spec: { nodeName: 'n1', containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } };
    const volume: PersistentVolume = { metadata: { name: 'pv' }, spec: { claimRef: { namespace: 'n', name: 'c' } } };
    handlers.get('pods')!.onAdd!(pod as never, false);
    handlers.get('persistentvolumes')!.onAdd!(volume as never, false);
    assert.equal(graph.isRelated('n1', 'volume', '', 'pv'), true);
    handlers.get('persistentvolumes')!.onUpdate!(volume as never, { ...volume, status: { phase: 'Bound' } } as never);
    assert.equal(graph.isRelated('n1', 'volume', '', 'pv'), true);
    handlers.get('persistentvolumes')!.onUpdate!(volume as never, { ...volume, spec: {} } as never);
    assert.equal(graph.isRelated('n1', 'volume', '', 'pv'), false);
  });
});
