import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '#api/generated/core/v1';
import type { EndpointSlice } from '#api/generated/discovery/v1';
import type { DnsRecord } from '../plugin.ts';
import { reverseAddress, reverseReply, zoneReply, type ZoneData } from './zone.ts';

const OPTIONS = { domain: 'cluster.local', ttlSeconds: 30 };

const WEB: Service = { metadata: { name: 'web', namespace: 'default' }, spec: { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] } };
const DB: Service = { metadata: { name: 'db', namespace: 'default' }, spec: { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432 }] } };
const EXTERNAL: Service = { metadata: { name: 'out', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'example.org' } };
const DB_SLICE: EndpointSlice = {
  metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } }, addressType: 'IPv4', ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.244.1.5'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.2.6'], conditions: { ready: true } },
    { addresses: ['10.244.2.7'], conditions: { ready: false } },
  ],
};

const SERVICES = [WEB, DB, EXTERNAL];
const DATA: ZoneData = {
  service: (namespace, name) => SERVICES.find((service) => service.metadata.name === name && service.metadata.namespace === namespace),
  namespaceExists: (namespace) => namespace === 'default',
  slices: (_namespace, service) => (service === 'db' ? [DB_SLICE] : []),
  serviceByClusterIP: (ip) => (ip === '10.96.0.20' ? WEB : undefined),
  slicesByAddress: (ip) => (DB_SLICE.endpoints!.some((endpoint) => endpoint.addresses.includes(ip)) ? [DB_SLICE] : []),
  serial: () => 7,
};

/** A record as a line of a zone file. */
function line(record: DnsRecord): string {
  const data = 'data' in record ? record.data : '';
  const text = record.type === 'SRV' ? `${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}` : String(data);
  return `${record.name} ${record.type} ${text}`;
}

const CASES: { name: string; question: string; expect: string[] }[] = [
  { name: 'cluster IP', question: 'web.default.svc.cluster.local A', expect: ['NOERROR', 'web.default.svc.cluster.local A 10.96.0.20'] },
  { name: 'no IPv6 is no data, not a missing name', question: 'web.default.svc.cluster.local AAAA', expect: ['NOERROR'] },
  { name: 'missing service', question: 'none.default.svc.cluster.local A', expect: ['NXDOMAIN'] },
  { name: 'missing namespace', question: 'web.nowhere.svc.cluster.local A', expect: ['NXDOMAIN'] },
  { name: 'a namespace is an empty name', question: 'default.svc.cluster.local A', expect: ['NOERROR'] },
  { name: 'headless: ready endpoints', question: 'db.default.svc.cluster.local A', expect: ['NOERROR', 'db.default.svc.cluster.local A 10.244.1.5', 'db.default.svc.cluster.local A 10.244.2.6'] },
  { name: 'endpoint by hostname', question: 'db-0.db.default.svc.cluster.local A', expect: ['NOERROR', 'db-0.db.default.svc.cluster.local A 10.244.1.5'] },
  { name: 'endpoint by dashed address', question: '10-244-2-6.db.default.svc.cluster.local A', expect: ['NOERROR', '10-244-2-6.db.default.svc.cluster.local A 10.244.2.6'] },
  { name: 'SRV of a cluster IP', question: '_http._tcp.web.default.svc.cluster.local SRV', expect: ['NOERROR', '_http._tcp.web.default.svc.cluster.local SRV 0 100 80 web.default.svc.cluster.local'] },
  { name: 'SRV of another protocol', question: '_http._udp.web.default.svc.cluster.local SRV', expect: ['NXDOMAIN'] },
  {
    name: 'SRV of endpoints', question: '_sql._tcp.db.default.svc.cluster.local SRV',
    expect: ['NOERROR', '_sql._tcp.db.default.svc.cluster.local SRV 0 100 5432 db-0.db.default.svc.cluster.local', '_sql._tcp.db.default.svc.cluster.local SRV 0 100 5432 10-244-2-6.db.default.svc.cluster.local'],
  },
  { name: 'external name', question: 'out.default.svc.cluster.local A', expect: ['NOERROR', 'out.default.svc.cluster.local CNAME example.org'] },
  { name: 'pod', question: '10-244-1-5.default.pod.cluster.local A', expect: ['NOERROR', '10-244-1-5.default.pod.cluster.local A 10.244.1.5'] },
  { name: 'not an address', question: '10-244-1.default.pod.cluster.local A', expect: ['NXDOMAIN'] },
  { name: 'version', question: 'dns-version.cluster.local TXT', expect: ['NOERROR', 'dns-version.cluster.local TXT 1.1.0'] },
];

for (const { name, question, expect } of CASES) {
  test(name, () => {
    const [host, type] = question.split(' ') as [string, string];
    const reply = zoneReply({ name: host, type }, DATA, OPTIONS);
    assert.deepEqual([reply.code, ...reply.answers.map(line)], expect);
    assert.equal(reply.answers.length === 0, reply.authorities?.[0]?.type === 'SOA');
  });
}

test('reverse names', () => {
  assert.equal(reverseAddress('20.0.96.10.in-addr.arpa'), '10.96.0.20');
  assert.equal(reverseAddress(`1.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`), 'fd00::1');
  const ptr = (ip: string): string[] | undefined => reverseReply({ name: 'x', type: 'PTR' }, ip, DATA, OPTIONS)?.answers.map(line);
  assert.deepEqual(ptr('10.96.0.20'), ['x PTR web.default.svc.cluster.local']);
  assert.deepEqual(ptr('10.244.1.5'), ['x PTR db-0.db.default.svc.cluster.local']);
  assert.equal(ptr('192.0.2.1'), undefined);
});
