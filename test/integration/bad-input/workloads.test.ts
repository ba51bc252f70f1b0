/** B71–B80: pods, workloads, services, network and storage objects that are not valid. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playground, type Bad, type Json } from './playground.ts';

const of = (path: string): string => path.replace('NS', 'namespaces/default');
const PODS = of('/api/v1/NS/pods');
const SERVICES = of('/api/v1/NS/services');
const DEPLOYMENTS = of('/apis/apps/v1/NS/deployments');
const CRON_JOBS = of('/apis/batch/v1/NS/cronjobs');
const JOBS = of('/apis/batch/v1/NS/jobs');
const SLICES = of('/apis/discovery.k8s.io/v1/NS/endpointslices');
const POLICIES = of('/apis/networking.k8s.io/v1/NS/networkpolicies');
const INGRESSES = of('/apis/networking.k8s.io/v1/NS/ingresses');
const VOLUMES = '/api/v1/persistentvolumes';
const CLAIMS = of('/api/v1/NS/persistentvolumeclaims');

const container = (more: Json = {}): Json => ({ name: 'c', image: 'i', ...more });
const podSpec = (more: Json = {}, ...containers: Json[]): Json => ({ containers: containers.length === 0 ? [container()] : containers, ...more });
const bad = (path: string) => (name: string, spec: unknown, causes: string[] = [], code = 422): Bad => ({ name, path, body: { metadata: { name: 'x' }, spec }, code, causes });
const pod = bad(PODS);
const one = (name: string, more: Json, ...causes: string[]): Bad => pod(name, podSpec({}, container(more)), causes.map((cause) => `spec.containers[0].${cause}`));
const template = { metadata: { labels: { a: 'b' } }, spec: podSpec() };
const selector = { matchLabels: { a: 'b' } };
const deployment = (name: string, spec: Json, ...causes: string[]): Bad => bad(DEPLOYMENTS)(name, { selector, template, ...spec }, causes);
const jobTemplate = { spec: { template: { spec: podSpec({ restartPolicy: 'Never' }) } } };
const cron = (name: string, spec: Json, ...causes: string[]): Bad => bad(CRON_JOBS)(name, { schedule: '* * * * *', jobTemplate, ...spec }, causes);
const job = (name: string, spec: Json, ...causes: string[]): Bad => bad(JOBS)(name, { template: { spec: podSpec({ restartPolicy: 'Never' }) }, ...spec }, causes);
const service = (name: string, spec: Json, ...causes: string[]): Bad => bad(SERVICES)(name, { ports: [{ port: 80 }], ...spec }, causes);
const slice = (name: string, address: string | string[], addressType = 'IPv4'): Bad => ({ name, path: SLICES, body: { metadata: { name: 'x' }, addressType, endpoints: [{ addresses: [address].flat() }] }, code: 422, causes: [] });
const policy = (name: string, spec: Json, ...causes: string[]): Bad => bad(POLICIES)(name, { podSelector: {}, ...spec }, causes);
const ingress = (name: string, rule: Json, ...causes: string[]): Bad => bad(INGRESSES)(name, { rules: [rule] }, causes);
const backend = { service: { name: 's', port: { number: 80 } } };
const volume = (name: string, spec: Json, ...causes: string[]): Bad => bad(VOLUMES)(name, { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/a' }, ...spec }, causes);
const claim = (name: string, spec: Json, ...causes: string[]): Bad => bad(CLAIMS)(name, { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec }, causes);
const change = (name: string, path: string, spec: Json, causes: string[] = []): Bad => ({ name, method: 'PATCH', path, body: { spec }, code: 422, causes });

const place = playground(async ({ make, ask }) => {
  await make(PODS, { metadata: { name: 'running' }, spec: podSpec({}, container({ resources: { requests: { cpu: '1' } } })) });
  await make(JOBS, { metadata: { name: 'running' }, spec: { template: { spec: podSpec({ restartPolicy: 'Never' }) } } });
  await make(SERVICES, { metadata: { name: 'taken' }, spec: { type: 'NodePort', clusterIP: '10.96.0.99', ports: [{ port: 80, nodePort: 30_080 }] } });
  await make(CLAIMS, { metadata: { name: 'bound' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', volumeName: 'v', resources: { requests: { storage: '2Gi' } } } });
  await ask('PATCH', `${CLAIMS}/bound/status`, { status: { phase: 'Bound', capacity: { storage: '2Gi' } } });
});

place.refuses(
  pod('B71 no containers', { containers: [] }, ['spec.containers']),
  pod('B71 two containers of one name', podSpec({}, container(), container()), ['spec.containers[1].name']),
  one('B71 two ports of one name', { ports: [{ name: 'p', containerPort: 1 }, { name: 'p', containerPort: 2 }] }, 'ports[1].name'),
  pod('B71 two mounts of one path', podSpec({ volumes: [{ name: 'v', emptyDir: {} }] }, container({ volumeMounts: [{ name: 'v', mountPath: '/a' }, { name: 'v', mountPath: '/a' }] })), ['spec.containers[0].volumeMounts[1].mountPath']),
  one('B71 env name', { env: [{ name: 'a=b' }] }, 'env[0].name'),
  one('B71 no image', { image: '' }, 'image'),
  one('B71 image with spaces', { image: ' i ' }, 'image'),
  one('B71 unknown volume', { volumeMounts: [{ name: 'v', mountPath: '/a' }] }, 'volumeMounts[0].name'),
  ...['../a', 'a/../../b', '/a'].map((subPath) => pod(`B71 subPath ${subPath}`, podSpec({ volumes: [{ name: 'v', emptyDir: {} }] }, container({ volumeMounts: [{ name: 'v', mountPath: '/a', subPath }] })), ['spec.containers[0].volumeMounts.subPath'])),
  pod('B71 volume of two sources', podSpec({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/a' } }] }), ['spec.volumes[0].hostPath']),
  pod('B71 two volumes of one name', podSpec({ volumes: [{ name: 'v', emptyDir: {} }, { name: 'v', emptyDir: {} }] }), ['spec.volumes[1].name']),

  pod('B72 host port twice', podSpec({}, container({ ports: [{ containerPort: 1, hostPort: 80 }] }), container({ name: 'd', ports: [{ containerPort: 2, hostPort: 80 }] })), ['spec.containers[1].ports[0].hostPort']),
  one('B72 negative request', { resources: { requests: { cpu: '-1' } } }, 'resources.requests[cpu]'),
  one('B72 request over limit', { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }, 'resources.requests'),
  one('B72 port 65536', { ports: [{ containerPort: 65_536 }] }, 'ports[0].containerPort'),
  one('B72 unknown protocol', { ports: [{ containerPort: 1, protocol: 'ICMP' }] }, 'ports[0].protocol'),
  pod('B72 tolerationSeconds without NoExecute', podSpec({ tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 5 }] }), ['spec.tolerations[0].effect']),
  pod('B72 unknown restart policy', podSpec({ restartPolicy: 'Sometimes' }), ['spec.restartPolicy']),
  pod('B72 negative grace', podSpec({ activeDeadlineSeconds: 0 }), ['spec.activeDeadlineSeconds']),
  change('B72 quality of service through the pod', `${PODS}/running`, { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '2' } } }] }, ['spec']),

  one('B73 probe port 0', { livenessProbe: { tcpSocket: { port: 0 } } }, 'livenessProbe.tcpSocket.port'),
  one('B73 negative threshold', { livenessProbe: { tcpSocket: { port: 1 }, failureThreshold: -1 } }, 'livenessProbe.failureThreshold'),
  one('B73 two handlers', { livenessProbe: { exec: { command: ['a'] }, httpGet: { port: 80 } } }, 'livenessProbe.httpGet'),
  one('B73 no handler', { readinessProbe: { periodSeconds: 5 } }, 'readinessProbe'),
  one('B73 successThreshold of a liveness probe', { livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 2 } }, 'livenessProbe.successThreshold'),
  one('B73 privileged without escalation', { securityContext: { privileged: true, allowPrivilegeEscalation: false } }, 'securityContext'),
  one('B73 negative user', { securityContext: { runAsUser: -1 } }, 'securityContext.runAsUser'),

  deployment('B74 selector unlike labels', { selector: { matchLabels: { c: 'd' } } }, 'spec.template.metadata.labels'),
  deployment('B74 no selector', { selector: {} }, 'spec.selector'),
  deployment('B74 neither surge nor unavailable', { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }, 'spec.strategy.rollingUpdate.maxUnavailable'),
  deployment('B74 150 % unavailable', { strategy: { rollingUpdate: { maxUnavailable: '150%' } } }, 'spec.strategy.rollingUpdate.maxUnavailable'),
  deployment('B74 percentage that is none', { strategy: { rollingUpdate: { maxSurge: 'many' } } }, 'spec.strategy.rollingUpdate.maxSurge'),
  deployment('B74 negative replicas', { replicas: -1 }, 'spec.replicas'),
  { ...deployment('B74 2^31 replicas', { replicas: 2_147_483_648 }), code: 400 },
  deployment('B74 progress before readiness', { progressDeadlineSeconds: 5, minReadySeconds: 10 }, 'spec.progressDeadlineSeconds'),

  ...['TZ=', 'TZ=UTC * * * * *', '* * * *', '61 * * * *', '* * * * * *', '', 'hourly', '@every', '* * * * 9', '*/0 * * * *', '5-1 * * * *'].map((schedule) => cron(`B75 schedule ${JSON.stringify(schedule)}`, { schedule }, 'spec.schedule')),
  cron('B75 unknown time zone', { timeZone: 'Mars/Olympus' }, 'spec.timeZone'),
  cron('B75 time zone Local', { timeZone: 'Local' }, 'spec.timeZone'),
  cron('B75 negative deadline', { startingDeadlineSeconds: -1 }, 'spec.startingDeadlineSeconds'),
  cron('B75 unknown concurrency', { concurrencyPolicy: 'Perhaps' }, 'spec.concurrencyPolicy'),

  job('B76 too many completions of an Indexed job', { completionMode: 'Indexed', completions: 100_001, parallelism: 100_001 }, 'spec.parallelism'),
  job('B76 bad failure policy', { podFailurePolicy: { rules: [{ action: 'Perhaps', onExitCodes: { operator: 'In', values: [1] } }] } }, 'spec.podFailurePolicy.rules[0].action'),
  job('B76 failure policy on exit code 0', { podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [0] } }] } }, 'spec.podFailurePolicy.rules[0].onExitCodes.values[0]'),
  job('B76 negative parallelism', { parallelism: -1 }, 'spec.parallelism'),
  job('B76 restart policy Always', { template: { spec: podSpec({ restartPolicy: 'Always' }) } }, 'spec.template.spec.restartPolicy'),
  change('B76 template of a running job', `${JOBS}/running`, { template: { spec: { nodeSelector: { a: 'b' } } } }, ['spec.template']),
  change('B76 completions of a running job', `${JOBS}/running`, { completions: 5 }, ['spec.completions']),

  service('B77 node port out of range', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }, 'spec.ports[0].nodePort'),
  service('B77 node port taken', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }, 'spec.ports[0].nodePort'),
  service('B77 cluster IP taken', { clusterIP: '10.96.0.99' }, 'spec.clusterIPs'),
  service('B77 cluster IP outside', { clusterIP: '192.0.2.1' }, 'spec.clusterIPs'),
  service('B77 cluster IP that is none', { clusterIP: 'x' }, 'spec.clusterIPs[0]'),
  service('B77 family clash', { clusterIP: '10.96.0.98', ipFamilies: ['IPv6'] }),
  service('B77 bad external name', { type: 'ExternalName', externalName: 'a b' }, 'spec.externalName'),
  service('B77 no external name', { type: 'ExternalName' }, 'spec.externalName'),
  service('B77 no ports', { ports: [] }, 'spec.ports'),
  service('B77 two ports without names', { ports: [{ port: 80 }, { port: 81 }] }, 'spec.ports[0].name'),
  service('B77 one port twice', { ports: [{ name: 'a', port: 80 }, { name: 'b', port: 80 }] }, 'spec.ports[1]'),
  service('B77 external address of loopback', { externalIPs: ['127.0.0.1'] }, 'spec.externalIPs[0]'),

  ...['127.0.0.1', '169.254.0.1', '224.0.0.1', '0.0.0.0', '::1', 'x', '10.0.0.1.1', '10.00.0.1'].map((address) => slice(`B78 address ${address}`, address)),
  ...['::1', 'fe80::1', 'ff02::1', '::', '10.0.0.1'].map((address) => slice(`B78 address ${address} of IPv6`, address, 'IPv6')),
  slice('B78 101 addresses', Array.from({ length: 101 }, (_, i) => `10.0.0.${i + 1}`)),
  { name: 'B78 1,001 endpoints', path: SLICES, body: () => ({ metadata: { name: 'x' }, addressType: 'IPv4', endpoints: Array.from({ length: 1_001 }, (_, i) => ({ addresses: [`10.0.${i >> 8}.${i & 255}`] })) }), code: 422, causes: ['endpoints'] },

  policy('B79 CIDR that is none', { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0' } }] }] }, 'spec.ingress[0].from[0].ipBlock.cidr'),
  policy('B79 except outside', { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }] }, 'spec.ingress[0].from[0].ipBlock.except[0]'),
  policy('B79 endPort before port', { ingress: [{ ports: [{ port: 80, endPort: 79 }] }] }, 'spec.ingress[0].ports[0].endPort'),
  policy('B79 address and selector', { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }] }] }, 'spec.ingress[0].from[0]'),
  ingress('B79 unknown pathType', { http: { paths: [{ path: '/', pathType: 'Perhaps', backend }] } }, 'spec.rules[0].http.paths[0].pathType'),
  ingress('B79 no pathType', { http: { paths: [{ path: '/', backend }] } }, 'spec.rules[0].http.paths[0].pathType'),
  ingress('B79 host that is an address', { host: '10.0.0.1', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }, 'spec.rules[0].host'),
  ingress('B79 host with spaces', { host: 'a b', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }, 'spec.rules[0].host'),
  ingress('B79 path that is not absolute', { http: { paths: [{ path: 'a', pathType: 'Prefix', backend }] } }, 'spec.rules[0].http.paths[0].path'),

  volume('B80 two sources', { nfs: { server: 's', path: '/a' } }, 'spec.nfs'),
  volume('B80 no source', { hostPath: undefined }),
  volume('B80 bad access mode', { accessModes: ['Perhaps'] }, 'spec.accessModes'),
  volume('B80 negative capacity', { capacity: { storage: '-1' } }, 'spec.capacity[storage]'),
  claim('B80 bad access mode of a claim', { accessModes: ['Perhaps'] }, 'spec.accessModes'),
  claim('B80 claim of nothing', { resources: {} }, 'spec.resources[storage]'),
  change('B80 shrink', `${CLAIMS}/bound`, { resources: { requests: { storage: '1Gi' } } }, ['spec.resources.requests.storage']),
  change('B80 another class', `${CLAIMS}/bound`, { storageClassName: 'slow' }, ['spec']),
);

test('B71: a colon in mountPath is taken, as upstream does, and kept as it is', async () => {
  const answer = await place.ask('POST', `${PODS}?dryRun=All`, { metadata: { name: 'y' }, spec: podSpec({ volumes: [{ name: 'v', emptyDir: {} }] }, container({ volumeMounts: [{ name: 'v', mountPath: '/a:b' }] })) });
  assert.equal(answer.body['spec']?.containers[0].volumeMounts[0].mountPath, '/a:b', answer.text);
});

test('B72: 1,000 containers are refused or taken, soon', async () => {
  const startMs = performance.now();
  const answer = await place.ask('POST', `${PODS}?dryRun=All`, { metadata: { name: 'x' }, spec: podSpec({}, ...Array.from({ length: 1_000 }, (_, i) => container({ name: `c${i}` }))) });
  assert.ok(answer.status === 201 || answer.status === 422, answer.text.slice(0, 300));
  assert.ok(performance.now() - startMs < 3_000, `${performance.now() - startMs} ms`);
});

test('B75: a day that never comes is bounded work', async () => {
  const startMs = performance.now();
  const answer = await place.ask('POST', `${CRON_JOBS}?dryRun=All`, { metadata: { name: 'x' }, spec: { schedule: '0 0 30 2 *', jobTemplate } });
  assert.ok(answer.status === 201 || answer.status === 422, answer.text.slice(0, 300));
  assert.ok(performance.now() - startMs < 1_000);
});

test('B77: 1,001 ports are refused or taken, soon', async () => {
  const startMs = performance.now();
  const answer = await place.ask('POST', `${SERVICES}?dryRun=All`, { metadata: { name: 'x' }, spec: { ports: Array.from({ length: 1_001 }, (_, i) => ({ name: `p${i}`, port: i + 1 })) } });
  assert.ok(answer.status === 201 || answer.status === 422, answer.text.slice(0, 300));
  assert.ok(performance.now() - startMs < 3_000, `${performance.now() - startMs} ms`);
});
