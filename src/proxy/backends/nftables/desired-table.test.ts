import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { Endpoint } from '../../endpoint.ts';
import type { ServicePort } from '../../service-port.ts';
import { desiredTable, type ServiceRules } from './desired-table.ts';
import { fullTransaction, incrementalTransaction } from './transaction.ts';

const OPTIONS = { family: 'ip', table: 'kube-proxy', podCidrs: ['10.244.0.0/16'] } as const;

function port(overrides: Partial<ServicePort> = {}): ServicePort {
  return {
    id: 'default/web:', namespace: 'default', service: 'web', portName: '', protocol: 'tcp', clusterIPs: ['10.96.0.20'], externalIPs: [], port: 80,
    nodePort: 0, affinitySeconds: 0, internalTrafficPolicy: 'Cluster', externalTrafficPolicy: 'Cluster', loadBalancerSourceRanges: [], healthCheckNodePort: 0, ...overrides,
  };
}

function endpoint(ip: string): Endpoint {
  return { ip, port: 8080, nodeName: 'a', ready: true, serving: true, terminating: false, zoneHints: [], nodeHints: [] };
}

function rules(overrides: Partial<ServicePort>, ips: string[]): ServiceRules {
  const endpoints = ips.map(endpoint);
  return { port: port(overrides), internal: endpoints, external: endpoints, anyEndpoint: ips.length > 0 };
}

/** The elements of every filled map, as `map: key → value`. */
function elements(services: ServiceRules[]): string[] {
  return [...desiredTable(services, OPTIONS).maps].flatMap(([name, map]) => [...map.elements].map(([key, value]) => `${name}: ${key} → ${value}`));
}

test('a service with two endpoints and a node port', () => {
  assert.deepEqual(elements([rules({ nodePort: 30080 }, ['10.244.1.2', '10.244.2.3'])]), [
    'service-ips: 10.96.0.20 . tcp . 80 → goto pick-tcp-2',
    'service-nodeports: tcp . 30080 → goto node-pick-tcp-2',
    'cluster-ips: 10.96.0.20 → ',
    'hairpin: 10.244.1.2 . 10.244.1.2 → ',
    'hairpin: 10.244.2.3 . 10.244.2.3 → ',
    'endpoints-tcp: 10.96.0.20 . tcp . 80 . 0 → 10.244.1.2 . 8080',
    'endpoints-tcp: 10.96.0.20 . tcp . 80 . 1 → 10.244.2.3 . 8080',
    'node-endpoints-tcp: tcp . 30080 . 0 → 10.244.1.2 . 8080',
    'node-endpoints-tcp: tcp . 30080 . 1 → 10.244.2.3 . 8080',
  ]);
});

test('a service without endpoints is rejected, under policy Local with endpoints elsewhere dropped', () => {
  assert.deepEqual(elements([rules({ nodePort: 30080 }, [])]), [
    'no-endpoint-services: 10.96.0.20 . tcp . 80 → goto reject-chain',
    'no-endpoint-nodeports: tcp . 30080 → goto reject-chain',
    'cluster-ips: 10.96.0.20 → ',
  ]);
  const local: ServiceRules = { ...rules({ internalTrafficPolicy: 'Local' }, []), anyEndpoint: true };
  assert.ok(elements([local]).includes('no-endpoint-services: 10.96.0.20 . tcp . 80 → drop'));
});

test('one changed endpoint changes only its elements', () => {
  const before = desiredTable([rules({}, ['10.244.1.2', '10.244.2.3'])], OPTIONS);
  const after = desiredTable([rules({}, ['10.244.1.2', '10.244.2.9'])], OPTIONS);
  assert.deepEqual(incrementalTransaction(before, after).trimEnd().split('\n'), [
    'delete element ip kube-proxy hairpin { 10.244.2.3 . 10.244.2.3 }',
    'add element ip kube-proxy hairpin { 10.244.2.9 . 10.244.2.9 }',
    'delete element ip kube-proxy endpoints-tcp { 10.96.0.20 . tcp . 80 . 1 : 10.244.2.3 . 8080 }',
    'add element ip kube-proxy endpoints-tcp { 10.96.0.20 . tcp . 80 . 1 : 10.244.2.9 . 8080 }',
  ]);
  assert.equal(incrementalTransaction(after, after), '');
});

const canNft = spawnSync('unshare', ['-n', 'nft', 'list', 'tables']).status === 0;

test('the kernel takes the table and every change of it', { skip: canNft ? false : 'needs root and nft' }, () => {
  const steps: ServiceRules[][] = [
    [rules({ nodePort: 30080 }, ['10.244.1.2', '10.244.2.3']), rules({ id: 'default/dns:', clusterIPs: ['10.96.0.10'], protocol: 'udp', port: 53 }, ['10.244.1.9'])],
    [rules({ nodePort: 30080, affinitySeconds: 60 }, ['10.244.1.2', '10.244.2.3'])],
    [rules({ nodePort: 30080, affinitySeconds: 60 }, ['10.244.1.2'])],
    [rules({ nodePort: 30080 }, [])],
    [rules({ protocol: 'sctp', externalTrafficPolicy: 'Local', externalIPs: ['192.0.2.1'], nodePort: 30081 }, ['10.244.1.2'])],
    [],
  ];
  let script = '';
  let current: ReturnType<typeof desiredTable> | undefined;
  for (const services of steps) {
    const wanted = desiredTable(services, OPTIONS);
    script += current === undefined ? fullTransaction(wanted) : incrementalTransaction(current, wanted);
    script += '#---\n';
    current = wanted;
  }
  const v6 = fullTransaction(desiredTable([rules({ clusterIPs: ['fd00::10'], nodePort: 30082 }, ['fd00::1:2'])], { ...OPTIONS, family: 'ip6', podCidrs: ['fd00:10::/64'] }));
  const transactions = [...script.split('#---\n').filter((text) => text !== ''), v6];
  const shell = transactions.map((text) => `nft -f - <<'EOF' || exit 1\n${text}EOF\n`).join('');
  const run = spawnSync('unshare', ['-n', 'sh', '-c', shell], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
});
