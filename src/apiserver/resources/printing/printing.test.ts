import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, ContainerStatus, Pod } from '#api/generated/core/v1';
import type { KubeObject } from '#machinery/meta';
import { isBadRequest } from '#machinery/status-error';
import { firstFew, humanDuration } from './cells.ts';
import { podPrinter } from './core-pods.ts';
import { columnDefinitions, parseIncludeObject, tableOf, tableRow } from './table.ts';
import { tablePrinterOf } from './table-printers.ts';

const NOW = Date.parse('2026-01-10T00:00:00Z');
const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

test('durations for people', () => {
  const cases: [ms: number, text: string][] = [
    [-5 * S, '<invalid>'], [-1500, '0s'], [0, '0s'], [119 * S, '119s'], [120 * S, '2m'], [125 * S, '2m5s'], [10 * M + 5 * S, '10m'], [179 * M, '179m'],
    [3 * H, '3h'], [3 * H + 5 * M, '3h5m'], [8 * H + 5 * M, '8h'], [47 * H, '47h'], [48 * H, '2d'], [5 * D + 3 * H, '5d3h'], [8 * D + 3 * H, '8d'],
    [729 * D, '729d'], [730 * D, '2y'], [735 * D, '2y5d'], [8 * 365 * D + D, '8y'],
  ];
  for (const [ms, text] of cases) assert.equal(humanDuration(ms), text);
});

test('lists are cut short', () => {
  assert.equal(firstFew([], 3), '<unset>');
  assert.equal(firstFew(['a', 'b'], 3), 'a,b');
  assert.equal(firstFew(['a', 'b', 'c', 'd', 'e'], 3), 'a,b,c + 2 more...');
});

const container = (name: string, more: Partial<Container> = {}): Container => ({ name, image: 'i', resources: {}, ...more }) as Container;
const status = (name: string, more: Partial<ContainerStatus> = {}): ContainerStatus => ({ name, ready: false, restartCount: 0, image: '', imageID: '', ...more });
const running = (name: string, more: Partial<ContainerStatus> = {}) => status(name, { ready: true, state: { running: {} }, ...more });
const ended = (name: string, exitCode: number, reason = '', more: Partial<ContainerStatus> = {}) =>
  status(name, { state: { terminated: { exitCode, ...(reason === '' ? {} : { reason }) } }, ...more });
const waiting = (name: string, reason: string) => status(name, { state: { waiting: { reason } } });

function pod(phase: string, statuses: ContainerStatus[], more: Partial<Pod['status']> = {}, metadata: Partial<KubeObject['metadata']> = {}): Pod {
  return {
    metadata: { name: 'p', creationTimestamp: '2026-01-05T00:00:00Z', ...metadata },
    spec: { containers: statuses.map(({ name }) => container(name)) }, status: { phase, containerStatuses: statuses, ...more },
  };
}

function withInit(phase: string, init: [Container, ContainerStatus][], statuses: ContainerStatus[] = [waiting('c', 'PodInitializing')]): Pod {
  const made = pod(phase, statuses, { initContainerStatuses: init.map(([, one]) => one) });
  return { ...made, spec: { ...made.spec, containers: [container('c')], initContainers: init.map(([one]) => one) } };
}

test('pods in one line', async (t) => {
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
  const sidecar = container('s', { restartPolicy: 'Always' });
  const cases: [name: string, pod: Pod, cells: [ready: string, status: string, restarts: string]][] = [
    ['pending', pod('Pending', []), ['0/0', 'Pending', '0']],
    ['scheduling gated', pod('Pending', [], { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }), ['0/0', 'SchedulingGated', '0']],
    ['waiting', pod('Pending', [waiting('a', 'First'), waiting('b', 'Second')]), ['0/2', 'First', '0']],
    ['running', pod('Running', [running('a')]), ['1/1', 'Running', '0']],
    ['restarted', pod('Running', [running('a', { restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-09T23:55:00Z' } } })]), ['1/1', 'Running', '3 (5m ago)']],
    ['completed, one running', pod('Running', [ended('a', 0, 'Completed'), running('b')], ready), ['1/2', 'Running', '0']],
    ['completed, one running but not ready', pod('Running', [ended('a', 0, 'Completed'), running('b')]), ['1/2', 'NotReady', '0']],
    ['completed, one failed', pod('Running', [ended('a', 0, 'Completed'), ended('b', 2, 'Error')]), ['0/2', 'Error', '0']],
    ['exit code', pod('Failed', [ended('a', 3)]), ['0/1', 'ExitCode:3', '0']],
    ['signal', pod('Failed', [status('a', { state: { terminated: { exitCode: 0, signal: 9 } } })]), ['0/1', 'Signal:9', '0']],
    ['evicted', pod('Failed', [], { reason: 'Evicted' }), ['0/0', 'Evicted', '0']],
    ['terminating', pod('Running', [running('a')], {}, { deletionTimestamp: '2026-01-10T00:00:00Z' }), ['1/1', 'Terminating', '0']],
    ['node lost', pod('Running', [running('a')], { reason: 'NodeLost' }, { deletionTimestamp: '2026-01-10T00:00:00Z' }), ['1/1', 'Unknown', '0']],
    ['terminating but over', pod('Succeeded', [ended('a', 0, 'Completed')], {}, { deletionTimestamp: '2026-01-10T00:00:00Z' }), ['0/1', 'Completed', '0']],
    ['first init container', withInit('Pending', [[container('i'), status('i', { state: { running: {} } })], [container('j'), status('j')]]), ['0/1', 'Init:0/2', '0']],
    ['init failed', withInit('Pending', [[container('i'), ended('i', 1, 'Error')]]), ['0/1', 'Init:Error', '0']],
    ['init waiting', withInit('Pending', [[container('i'), waiting('i', 'ErrImagePull')]]), ['0/1', 'Init:ErrImagePull', '0']],
    ['sidecar', withInit('Running', [[sidecar, running('s', { started: true, restartCount: 2 })]], [running('c')]), ['2/2', 'Running', '2']],
  ];
  for (const [name, object, expected] of cases) {
    await t.test(name, () => assert.deepEqual(podPrinter.cells(object, NOW).slice(0, 5), ['p', ...expected, '5d']));
  }
});

test('tables', async (t) => {
  const configMaps = tablePrinterOf('', 'configmaps');
  const object: KubeObject = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'c', resourceVersion: '7', creationTimestamp: '2026-01-09T23:59:00Z' }, data: { a: '1' } } as KubeObject;
  await t.test('columns', () => {
    assert.deepEqual(columnDefinitions(configMaps).map(({ name, format, priority }) => [name, format, priority]), [['Name', 'name', 0], ['Data', '', 0], ['Age', '', 0]]);
    assert.equal(tableOf(configMaps, [], {}, false).columnDefinitions, null, 'later events of a watch have none');
  });
  await t.test('a row, with more or less of its object', () => {
    const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
    assert.deepEqual(tableRow(configMaps, object, '', NOW), { cells: ['c', 1, '60s'], object: partial });
    assert.deepEqual(tableRow(configMaps, object, 'Metadata', NOW).object, partial);
    assert.equal(tableRow(configMaps, object, 'None', NOW).object, null);
    assert.equal(tableRow(configMaps, object, 'Object', NOW).object, object);
  });
  await t.test('a bookmark is a row', () => {
    assert.deepEqual(tableRow(configMaps, { metadata: { resourceVersion: '9' } }, 'None', NOW), { cells: ['', 0, '<unknown>'], object: null });
    const last: KubeObject = { metadata: { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } } };
    assert.equal(tableRow(configMaps, last, 'None', NOW).object?.kind, 'PartialObjectMetadata', 'the last initial one shows that it is');
  });
  await t.test('the default table', () => {
    assert.deepEqual(tableRow(tablePrinterOf('rbac.authorization.k8s.io', 'roles'), object, 'None', NOW).cells, ['c', '2026-01-09T23:59:00Z']);
  });
  await t.test('the printer may read another version', () => {
    assert.deepEqual(tableRow(configMaps, object, 'Object', NOW, { metadata: { name: 'other' } }), { cells: ['other', 0, '<unknown>'], object });
  });
  await t.test('completed pods say so', () => {
    assert.deepEqual(tableRow(tablePrinterOf('', 'pods'), pod('Failed', []) as KubeObject, 'None', NOW).conditions,
      [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }]);
  });
  await t.test('includeObject', () => {
    assert.equal(parseIncludeObject(null), '');
    assert.throws(() => parseIncludeObject('none'), isBadRequest);
  });
});

test('further kinds', async (t) => {
  const created = { metadata: { name: 'x', creationTimestamp: '2026-01-09T00:00:00Z' } };
  const cases: [name: string, group: string, resource: string, object: object, cells: unknown[]][] = [
    ['load balancer', '', 'services', { spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }], externalIPs: ['192.0.2.7'] }, status: { loadBalancer: { ingress: [{ ip: '198.51.100.9' }, { hostname: 'a.example' }] } } },
      ['x', 'LoadBalancer', '10.96.0.9', '198.51.100.9,a.example,192.0.2.7', '80:30080/TCP', '24h', '<none>']],
    ['endpoints', '', 'endpoints', { subsets: [{ addresses: [{ ip: '1.1.1.1' }, { ip: 'fd00::1' }], ports: [{ port: 80 }, { port: 81 }] }] }, ['x', '1.1.1.1:80,[fd00::1]:80,1.1.1.1:81 + 1 more...', '24h']],
    ['quota', '', 'resourcequotas', { status: { hard: { pods: '5', 'limits.cpu': '8' }, used: { pods: '1' } } }, ['x', 'pods: 1/5', 'limits.cpu: 0/8', '24h']],
    ['hosts', 'networking.k8s.io', 'ingresses', { spec: { rules: ['a', 'b', 'c', 'd'].map((host) => ({ host })), tls: [{}] } }, ['x', '<none>', 'a,b,c + 1 more...', '', '80, 443', '24h']],
    ['address', 'networking.k8s.io', 'ipaddresses', { spec: { parentRef: { resource: 'services', namespace: 'n', name: 's' } } }, ['x', 'services/n/s', '24h']],
    ['slice', 'discovery.k8s.io', 'endpointslices', { addressType: 'IPv4', ports: [{}], endpoints: [] }, ['x', 'IPv4', '*', '<unset>', '24h']],
    ['job', 'batch', 'jobs', { spec: { parallelism: 2, template: { spec: { containers: [] } } }, status: { startTime: '2026-01-09T00:00:00Z', completionTime: '2026-01-09T00:01:30Z', conditions: [{ type: 'Complete', status: 'True' }] } },
      ['x', 'Complete', '0/1 of 2', '90s', '24h', '', '', '<none>']],
    ['node', '', 'nodes', { metadata: { ...created.metadata, labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge' } }, spec: { unschedulable: true }, status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
      ['x', 'NotReady,SchedulingDisabled', 'edge,worker', '24h', '', '<none>', '<none>', '<unknown>', '<unknown>', '<unknown>']],
    ['binding', 'rbac.authorization.k8s.io', 'rolebindings', { roleRef: { kind: 'Role', name: 'r' }, subjects: [{ kind: 'User', name: 'u' }, { kind: 'ServiceAccount', namespace: 'n', name: 's' }] }, ['x', 'Role/r', '24h', 'u', '', 'n/s']],
    ['event', 'events.k8s.io', 'events', { regarding: { kind: 'Pod', name: 'p' }, note: ' m ', reason: 'R', type: 'Normal', eventTime: '2026-01-09T23:59:00.000000Z', reportingController: 'c', reportingInstance: 'i' },
      ['60s', 'Normal', 'R', 'pod/p', '', 'c, i', 'm', '60s', 1, 'x']],
  ];
  for (const [name, group, resource, object, expected] of cases) {
    await t.test(name, () => assert.deepEqual(tablePrinterOf(group, resource).cells({ ...created, ...object } as KubeObject, NOW), expected));
  }
});
