import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { podDefinition } from './definition.ts';

const rules = rulesOf(podDefinition, `
metadata: {name: p, namespace: ns}
spec: {containers: [{name: c, image: i}]}
`);

test('a new pod', () => {
  const rows: Row[] = [
    [''],
    ['spec: {containers: []}', 'spec.containers: Required value'],
    ['spec: {containers: [{name: c, image: i}, {name: c, image: i}]}', 'spec.containers[1].name: Duplicate value: "c"'],
    ['spec: {containers: [{name: c, image: " i"}]}', 'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace'],
    ['spec: {restartPolicy: Odd}', 'spec.restartPolicy: Unsupported value: "Odd": supported values: "Always", "OnFailure", "Never"'],
    ['spec: {containers: [{name: c, image: i, ports: [{containerPort: 0}]}]}', 'spec.containers[0].ports[0].containerPort: Required value'],
    ['spec: {containers: [{name: c, image: i, imagePullPolicy: Odd}]}',
      'spec.containers[0].imagePullPolicy: Unsupported value: "Odd": supported values: "Always", "IfNotPresent", "Never"'],
    ['spec: {hostNetwork: true, containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 81}]}]}',
      'spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true'],
    ['spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]}',
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ['spec: {containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}]}]}',
      'spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ['spec: {volumes: [{name: v, emptyDir: {}, hostPath: {path: /a}}]}',
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
    ['spec: {volumes: [{name: v}, {name: v}]}', 'spec.volumes[1].name: Duplicate value: "v"'],
    ['spec: {containers: [{name: c, image: i, livenessProbe: {}}]}', 'spec.containers[0].livenessProbe: Required value: must specify a handler type'],
    ['spec: {containers: [{name: c, image: i, livenessProbe: {exec: {command: [a]}, successThreshold: 2}}]}',
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1'],
    ['spec: {tolerations: [{operator: Exists, value: a}]}',
      `spec.tolerations[0].operator: Invalid value: "a": value must be empty when \`operator\` is 'Exists'`],
    ['spec: {topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]}',
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero'],
    ['spec: {ephemeralContainers: [{name: e, image: i, targetContainerName: c}]}', 'spec.ephemeralContainers: Forbidden: cannot be set on create'],
    ['spec: {nodeName: nn, schedulingGates: [{name: g}]}', 'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed pod', () => {
  const rows: Row[] = [
    ['spec: {containers: [{name: c, image: j}]}'],
    ['spec: {activeDeadlineSeconds: 5}'],
    ['spec: {tolerations: [{key: a, operator: Exists}]}'],
    ['metadata: {deletionTimestamp: "2026-01-09T00:00:00Z"}',
      'metadata.deletionTimestamp: Invalid value: "2026-01-09T00:00:00Z": field is immutable'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
  assert.deepEqual(rules.update('spec: {activeDeadlineSeconds: 9}', 'spec: {activeDeadlineSeconds: 5}').causes,
    ['spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value']);
  assert.deepEqual(rules.update('spec: {schedulingGates: [{name: h}]}', 'spec: {schedulingGates: [{name: g}]}').causes,
    ["spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'h'"]);
});

test('the status of a pod', () => {
  const rows: Row[] = [
    ['status: {phase: Running}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
  assert.deepEqual(rules.updateStatus('status: {containerStatuses: [{name: c, image: i, imageID: i, ready: false, restartCount: 1, state: {running: {}}}]}', `spec: {restartPolicy: Never}\nstatus: {containerStatuses: [{name: c, image: i, imageID: i, ready: false, restartCount: 1, state: {terminated: {exitCode: 0}}}]}`).causes,
    ['status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state']);
});

test('warnings about a pod', () => {
  const rows: Row[] = [
    ['spec: {nodeSelector: {beta.kubernetes.io/os: linux}}',
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
    ['spec: {containers: [{name: c, image: i, env: [{name: A, value: "1"}, {name: A, value: "2"}]}]}',
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
  ];
  for (const [patch, ...warnings] of rows) assert.deepEqual(rules.create(patch).warnings, warnings, patch);
});

test('defaults of a pod', () => {
  const { object } = rules.create('spec: {containers: [{name: c, image: "i:1", ports: [{containerPort: 80}], resources: {limits: {cpu: 1}}}]}');
  const { containers: [container], ...spec } = object.spec!;
  assert.deepEqual(spec, {
    restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', securityContext: {}, schedulerName: 'default-scheduler',
    enableServiceLinks: true,
  });
  assert.deepEqual(container, {
    name: 'c', image: 'i:1', ports: [{ containerPort: 80, protocol: 'TCP' }], resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
    terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', imagePullPolicy: 'IfNotPresent',
  });
  assert.equal(object.status?.phase, 'Pending');
  assert.equal(object.status?.qosClass, 'Burstable');
});

test('a pod is resized, within its quality of service', () => {
  const sized = (cpu: number): string => `spec: {containers: [{name: c, image: i, resources: {requests: {cpu: ${cpu}}}}]}`;
  assert.deepEqual(rules.updateSubresource('resize', sized(2), sized(1)).causes, []);
  assert.deepEqual(rules.updateSubresource('resize', 'spec: {containers: [{name: c, image: i}]}', sized(1)).causes.length > 0, true);
});

test('an ephemeral container is added, and stays', () => {
  const debug = 'spec: {ephemeralContainers: [{name: e, image: i, terminationMessagePolicy: File, imagePullPolicy: Always, terminationMessagePath: /a}]}';
  assert.deepEqual(rules.updateSubresource('ephemeralcontainers', debug).causes, []);
});
