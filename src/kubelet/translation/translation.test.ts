import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Pod, Service } from '#api/generated/core/v1';
import { containerConfig } from './container-config.ts';
import { containerResources, cpuQuota, cpuShares } from './container-resources.ts';
import { parseResolvConf, podDns } from './dns.ts';
import { containerEnvironment, type EnvironmentSources } from './environment.ts';
import { expand } from './expansion.ts';
import { podField, resourceField } from './field-ref.ts';
import { hostNames, hostsFile } from './hostname.ts';
import { readContainerAnnotations } from './labels.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { nonRootRefusal } from './security-context.ts';
import { serviceEnvironment } from './service-env.ts';

const main: Container = { name: 'main', image: 'busybox' };
const podOf = (spec: Partial<NonNullable<Pod['spec']>> = {}): Pod =>
  ({ metadata: { name: 'web', namespace: 'shop', uid: 'u1', labels: { app: 'web', tier: 'a"b' } }, spec: { containers: [main], nodeName: 'n1', ...spec } });

const network = { podIps: ['10.244.1.5', 'fd00::5'], hostIps: ['10.89.0.11'] };
const sources: EnvironmentSources = {
  configMap: async (_namespace, name) => (name === 'settings' ? { metadata: { name }, data: { COLOR: 'red', 'bad=key': 'x' } } : undefined),
  secret: async (_namespace, name) => (name === 'keys' ? { metadata: { name }, data: { TOKEN: Buffer.from('s3cret').toString('base64') } } : undefined),
  network, allocatable: { cpu: '2', memory: '4Gi' }, serviceVariables: new Map([['DB_SERVICE_HOST', '10.96.0.7'], ['COLOR', 'from-service']]), onInvalidKeys: () => undefined,
};

describe('expansion', () => {
  const cases: [string, string][] = [['$(A)', '1'], ['$$(A)', '$(A)'], ['$(B)', '$(B)'], ['$(A', '$(A'], ['x$', 'x$'], ['$A', '$A'], ['$$$(A)', '$1'], ['$(A)$(A)', '11']];
  for (const [text, expected] of cases) it(text, () => assert.equal(expand(text, (name) => (name === 'A' ? '1' : undefined)), expected));
});

describe('downward API', () => {
  it('reads fields', () => {
    assert.equal(podField(podOf(), "metadata.labels['app']", network), 'web');
    assert.equal(podField(podOf(), 'metadata.labels', network), 'app="web"\ntier="a\\"b"');
    assert.equal(podField(podOf(), 'status.podIPs', network), '10.244.1.5,fd00::5');
    assert.throws(() => podField(podOf(), 'spec.nope', network), /unsupported fieldPath: spec.nope/);
  });
  it('divides resources, rounding up, and falls back to the node', () => {
    const container: Container = { name: 'c', resources: { limits: { cpu: '1500m' }, requests: { memory: '100Mi' } } };
    const read = (resource: string, divisor?: string) => resourceField(podOf(), { resource, ...(divisor === undefined ? {} : { divisor }) }, container, sources.allocatable);
    assert.deepEqual([read('limits.cpu'), read('limits.cpu', '1m'), read('requests.memory', '1Mi'), read('limits.memory', '1Gi')], ['2', '1500', '100', '4']);
  });
});

describe('environment', () => {
  it('layers services, envFrom and env', async () => {
    const invalid: string[] = [];
    const container: Container = { ...main, envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'P_', secretRef: { name: 'keys' } }, { secretRef: { name: 'gone', optional: true } }], env: [
      { name: 'URL', value: 'http://$(DB_SERVICE_HOST)/$(COLOR)' }, { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'T', valueFrom: { secretKeyRef: { name: 'keys', key: 'TOKEN' } } }, { name: 'O', valueFrom: { configMapKeyRef: { name: 'settings', key: 'none', optional: true } } },
    ] };
    const env = await containerEnvironment(podOf(), container, { ...sources, onInvalidKeys: (_kind, _namespace, _name, keys) => invalid.push(...keys) });
    assert.deepEqual([...env], [['COLOR', 'red'], ['P_TOKEN', 's3cret'], ['URL', 'http://10.96.0.7/red'], ['NODE', 'n1'], ['T', 's3cret'], ['DB_SERVICE_HOST', '10.96.0.7']]);
    assert.deepEqual(invalid, ['bad=key']);
  });
  it('says what is missing', async () => {
    await assert.rejects(containerEnvironment(podOf(), { ...main, envFrom: [{ configMapRef: { name: 'gone' } }] }, sources), { message: 'configmap "gone" not found' });
    await assert.rejects(containerEnvironment(podOf(), { ...main, env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'keys', key: 'X' } } }] }, sources), { message: "couldn't find key X in Secret shop/keys" });
  });
  it('describes services', () => {
    const service: Service = { metadata: { name: 'my-db' }, spec: { clusterIP: '10.96.0.7', ports: [{ name: 'main', port: 5432, protocol: 'TCP' }] } };
    assert.deepEqual(Object.fromEntries(serviceEnvironment([service])), {
      MY_DB_SERVICE_HOST: '10.96.0.7', MY_DB_SERVICE_PORT: '5432', MY_DB_SERVICE_PORT_MAIN: '5432', MY_DB_PORT: 'tcp://10.96.0.7:5432', MY_DB_PORT_5432_TCP: 'tcp://10.96.0.7:5432',
      MY_DB_PORT_5432_TCP_PROTO: 'tcp', MY_DB_PORT_5432_TCP_PORT: '5432', MY_DB_PORT_5432_TCP_ADDR: '10.96.0.7',
    });
  });
});

describe('names and resolution', () => {
  const host = parseResolvConf('# c\nnameserver 8.8.8.8\nsearch example.org.\noptions ndots:1\n');
  it('ClusterFirst searches the namespace first', () => {
    assert.deepEqual(podDns(podOf(), { clusterDns: ['10.96.0.10'], clusterDomain: 'cluster.local', host }).config, {
      servers: ['10.96.0.10'], searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.org'], options: ['ndots:5'] });
  });
  it('Default is the node', () => assert.deepEqual(podDns(podOf({ dnsPolicy: 'Default' }), { clusterDns: ['1.1.1.1'], clusterDomain: 'x', host }).config, host));
  it('None takes dnsConfig alone', () => {
    const pod = podOf({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.2.3.4'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] } });
    assert.deepEqual(podDns(pod, { clusterDns: [], clusterDomain: '', host }).config, { servers: ['1.2.3.4'], searches: [], options: ['ndots:2', 'edns0'] });
  });
  it('falls back without cluster DNS', () => assert.equal(podDns(podOf(), { clusterDns: [], clusterDomain: '', host }).warnings[0]?.reason, 'MissingClusterDNS'));
  it('writes the hosts file', () => {
    const names = hostNames(podOf({ hostname: 'h', subdomain: 'sub' }), 'cluster.local');
    assert.match(hostsFile(['10.0.0.1'], names, [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }]),
      /fe00::2\tip6-allrouters\n10\.0\.0\.1\th\.sub\.shop\.svc\.cluster\.local\th\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/);
  });
});

describe('resources', () => {
  it('converts CPU', () => assert.deepEqual([cpuShares(0), cpuShares(250), cpuShares(1000), cpuQuota(0), cpuQuota(1), cpuQuota(250)], [2, 256, 1024, 0, 1000, 25_000]));
  it('scores by class', () => {
    const memory = (request: string): Container => ({ name: 'c', resources: { requests: { memory: request } } });
    const score = (container: Container) => containerResources(podOf({ containers: [container] }), container, 1000 * 1024 * 1024).oomScoreAdj;
    assert.deepEqual([score(main), score(memory('100Mi')), score(memory('1')), score(memory('2000Mi'))], [1000, 900, 999, 3]);
  });
});

describe('configs', () => {
  it('translates a pod on the host network', () => {
    const config = sandboxConfig(podOf({ hostNetwork: true, hostPID: true }), { attempt: 1, hostname: 'web', dns: { servers: [], searches: [], options: [] }, logDirectory: '/l', cgroupParent: '/kubepods/x' });
    assert.equal(config.hostname, '');
    assert.deepEqual(config.linux.securityContext.namespaceOptions, { network: 'NODE', ipc: 'POD', pid: 'NODE' });
    assert.equal(config.labels['io.kubernetes.pod.uid'], 'u1');
  });
  it('translates a container', () => {
    const container: Container = { ...main, command: ['sh', '-c', 'echo $(A)'], securityContext: { capabilities: { add: ['CAP_NET_ADMIN'] }, allowPrivilegeEscalation: false, runAsUser: 5 } };
    const config = containerConfig(podOf({ terminationGracePeriodSeconds: 30 }), container, {
      restartCount: 3, imageRef: 'sha256:1', image: { username: 'named' }, environment: new Map([['A', 'x']]), mounts: [], resources: {}, security: { seccompDefault: true, seccompDir: '/s' } });
    assert.deepEqual([config.command[2], config.logPath, config.metadata], ['echo x', 'main/3.log', { name: 'main', attempt: 3 }]);
    assert.deepEqual(config.linux.securityContext.capabilities?.addCapabilities, ['NET_ADMIN']);
    assert.deepEqual([config.linux.securityContext.noNewPrivs, config.linux.securityContext.runAsUser, config.linux.securityContext.seccomp], [true, { value: 5 }, { profileType: 'RuntimeDefault' }]);
    assert.equal(readContainerAnnotations(config.annotations).restartCount, 3);
  });
  it('refuses root under runAsNonRoot', () => {
    const pod = podOf({ securityContext: { runAsNonRoot: true } });
    assert.equal(nonRootRefusal(pod, main, { uid: 0, username: '' }), 'container has runAsNonRoot and image will run as root (pod: "web_shop(u1)", container: main)');
    assert.equal(nonRootRefusal(pod, main, { uid: 7, username: '' }), undefined);
  });
});
