import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '#api/generated/core/v1';
import { detailText, reasonText, violations } from './evaluate.ts';
import { policyOf, type Level } from './policy.ts';

const good: PodSpec = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [{ name: 'c', securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
};

const CASES: { name: string; level: Level; minor?: number; spec: PodSpec; reasons: string }[] = [
  { name: 'a hardened pod', level: 'restricted', spec: good, reasons: '' },
  { name: 'a plain pod, baseline', level: 'baseline', spec: { containers: [{ name: 'c' }] }, reasons: '' },
  { name: 'a plain pod, restricted', level: 'restricted', spec: { containers: [{ name: 'c' }] }, reasons: 'allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile' },
  { name: 'the same before capabilities were judged', level: 'restricted', minor: 21, spec: { containers: [{ name: 'c' }] }, reasons: 'allowPrivilegeEscalation != false, runAsNonRoot != true, seccompProfile' },
  { name: 'Windows needs no Linux hardening', level: 'restricted', spec: { ...good, os: { name: 'windows' }, containers: [{ name: 'c' }] }, reasons: '' },
  { name: 'its own user namespace', level: 'restricted', spec: { ...good, hostUsers: false, securityContext: { seccompProfile: { type: 'Localhost' }, runAsUser: 0 } }, reasons: '' },
  { name: 'its own user namespace, older', level: 'restricted', minor: 34, spec: { ...good, hostUsers: false, securityContext: { seccompProfile: { type: 'Localhost' }, runAsUser: 0 } }, reasons: 'runAsNonRoot != true, runAsUser=0' },
  { name: 'host path: restricted says it once', level: 'restricted', spec: { ...good, volumes: [{ name: 'v', hostPath: { path: '/' } }] }, reasons: 'restricted volume types' },
  { name: 'everything of the host', level: 'baseline', spec: { hostNetwork: true, hostPID: true, volumes: [{ name: 'v', hostPath: { path: '/' } }], containers: [{ name: 'c', securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } }, ports: [{ containerPort: 1, hostPort: 80 }] }] }, reasons: 'non-default capabilities, host namespaces, hostPath volumes, hostPort, privileged' },
];

for (const { name, level, minor = Infinity, spec, reasons } of CASES) {
  test(`pod security: ${name}`, () => assert.equal(reasonText(violations({ level, minor }, {}, spec)), reasons));
}

test('details name the containers', () => {
  const found = violations({ level: 'baseline', minor: Infinity }, {}, { containers: [{ name: 'a', securityContext: { privileged: true } }, { name: 'b', securityContext: { privileged: true } }] });
  assert.equal(detailText(found), 'privileged (containers "a", "b" must not set securityContext.privileged=true)');
});

test('labels that cannot be read judge strictly where it counts', () => {
  const prefix = 'pod-security.kubernetes.io/';
  const { policy, errors } = policyOf({ [`${prefix}enforce`]: 'strict', [`${prefix}warn`]: 'x', [`${prefix}enforce-version`]: '1.22' });
  assert.deepEqual(policy, { enforce: { level: 'restricted', minor: Infinity }, audit: { level: 'privileged', minor: Infinity }, warn: { level: 'privileged', minor: Infinity } });
  assert.equal(errors.length, 3);
  assert.deepEqual(policyOf({ [`${prefix}enforce`]: 'baseline', [`${prefix}enforce-version`]: 'v1.30' }).policy.warn, { level: 'baseline', minor: 30 });
});
