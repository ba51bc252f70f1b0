import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PersistentVolume, Pod } from '#api/generated/core/v1';
import type { Informer, InformerFactory, InformerHandlers } from '#client/informer-contract';
import type { ResourceType } from '#machinery/meta';
import type { WatchEvent } from '#storage/contract';
import { WatchCache } from '../store/watch-cache.ts';
import { boundPods } from './bound-pods.ts';
import { NodeGraph } from './node-graph.ts';

const PREFIX = '/registry/pods/';
const MIRROR = { 'kubernetes.io/config.mirror': 'x' };

interface Setting { readonly graph: NodeGraph; readonly handlers: Map<string, InformerHandlers<never>>; put(pod: Pod): void; remove(key: string): void; readonly pods: ReturnType<typeof boundPods> }

function setting(): Setting {
  const handlers = new Map<string, InformerHandlers<never>>();
  const informer = (name: string) => ({ addHandlers: (given: InformerHandlers<never>) => { handlers.set(name, given); return () => undefined; } }) as unknown as Informer<never>;
  const cache = new WatchCache({
    prefix: PREFIX, now: () => 0,
    describer: { namespaced: true, canonical: (bytes) => bytes, fields: (pod) => ({ 'spec.nodeName': (pod as Pod).spec?.nodeName ?? '' }) },
  });
  let revision = 0;
  const event = (type: WatchEvent['type'], key: string, value: Buffer): void => cache.apply({ type, key: PREFIX + key, value, previous: undefined, revision: ++revision, created: false });
  const pods = boundPods(cache);
  const graph = new NodeGraph(pods);
  graph.follow({ for: (resource: ResourceType) => informer(resource.resource) } as unknown as InformerFactory);
  return {
    graph, handlers, pods,
    put: (pod) => event('put', `${pod.metadata.namespace}/${pod.metadata.name}`, Buffer.from(JSON.stringify(pod))),
    remove: (key) => event('delete', key, Buffer.alloc(0)),
  };
}

const podOn = (name: string, nodeName: string | undefined, secret: string, annotations?: Record<string, string>): Pod => ({
  metadata: { name, namespace: 'n', ...(annotations === undefined ? {} : { annotations }) },
  spec: { containers: [], serviceAccountName: 'robot', ...(nodeName === undefined ? {} : { nodeName }), volumes: [{ name: 'v', secret: { secretName: secret } }] },
});

describe('node graph', () => {
  it('keeps the way over a volume when the volume changes', () => {
    const { graph, handlers, put } = setting();
    const volume: PersistentVolume = { metadata: { name: 'pv' }, spec: { claimRef: { namespace: 'n', name: 'c' } } };
    put({ metadata: { name: 'p', namespace: 'n' }, spec: { nodeName: 'n1', containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } });
    handlers.get('persistentvolumes')!.onAdd!(volume as never, false);
    assert.equal(graph.isRelated('n1', 'volume', '', 'pv'), true);
    handlers.get('persistentvolumes')!.onUpdate!(volume as never, { ...volume, status: { phase: 'Bound' } } as never);
    assert.equal(graph.isRelated('n1', 'volume', '', 'pv'), true);
    handlers.get('persistentvolumes')!.onUpdate!(volume as never, { ...volume, spec: {} } as never);
    assert.equal(graph.isRelated('n1', 'volume', '', 'pv'), false);
  });

  it('knows what pods name, asked before they come, while they change, and after they are gone', () => {
    for (const askedBefore of [true, false]) {
      const { graph, put, remove } = setting();
      const reads = (node: string, secret: string): boolean | Promise<boolean> => graph.isRelated(node, 'secret', 'n', secret);
      if (askedBefore) assert.equal(reads('n1', 's1'), false);
      put(podOn('a', undefined, 's1'));
      assert.equal(reads('n1', 's1'), false, 'not bound yet');
      put(podOn('a', 'n1', 's1'));
      put(podOn('b', 'n1', 's1'));
      put(podOn('c', 'n2', 's2'));
      assert.deepEqual([reads('n1', 's1'), reads('n2', 's1'), reads('n2', 's2'), graph.isRelated('n1', 'pod', 'n', 'a'), graph.isRelated('n2', 'pod', 'n', 'a')], [true, false, true, true, false]);
      assert.equal(graph.isRelated('n1', 'secret', 'other', 's1'), false);
      remove('n/a');
      assert.deepEqual([reads('n1', 's1'), graph.isRelated('n1', 'pod', 'n', 'a'), graph.isRelated('n1', 'serviceaccount', 'n', 'robot')], [true, false, true], 'b names it too');
      put(podOn('b', 'n1', 's3'));
      assert.deepEqual([reads('n1', 's1'), reads('n1', 's3')], [false, true]);
      remove('n/b');
      assert.equal(reads('n1', 's3'), false);
      put(podOn('b', 'n1', 's4'));
      assert.equal(reads('n1', 's4'), true, 'again, after the node had none');
      put(podOn('m', 'n1', 's9', MIRROR));
      assert.deepEqual([graph.isRelated('n1', 'pod', 'n', 'm'), reads('n1', 's9')], [true, false], 'mirror pods give nothing but themselves');
    }
  });

  it('finds bound pods only, narrowed', () => {
    const { pods, put } = setting();
    put(podOn('a', undefined, 's'));
    assert.equal(pods.get('n', 'a'), undefined);
    put({ ...podOn('a', 'n1', 's'), status: { phase: 'Running' } });
    const found = pods.get('n', 'a')!;
    assert.deepEqual([found.spec!.nodeName, found.spec!.serviceAccountName, found.status], ['n1', 'robot', {}]);
    assert.equal(pods.get('n', 'a'), found, 'parsed once');
  });
});
