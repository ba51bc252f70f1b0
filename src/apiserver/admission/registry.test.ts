import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import { MetricsRegistry } from '#base/metrics';
import type { AdmissionDependencies } from './dependencies.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { admissionPlugins } from './registry.ts';
import { checkSwitches, SWITCHABLE, UnknownPluginError, type AdmissionSwitches } from './switches.ts';

const nothing: unknown = new Proxy(() => nothing, { get: () => nothing });
const named = (name: string): AdmissionPlugin => ({ name });
const EXTENSIONS = {
  mutatingAdmissionPolicy: named('MutatingAdmissionPolicy'), mutatingAdmissionWebhook: named('MutatingAdmissionWebhook'),
  validatingAdmissionPolicy: named('ValidatingAdmissionPolicy'), validatingAdmissionWebhook: named('ValidatingAdmissionWebhook'),
};
/** They stand with the resources upstream, and are no plugins there. */
const RULES = ['PodCertificateSigning', 'DevicePermissions', 'PolicyPermissions', 'RoleEscalationCheck'];

function names(switches?: Partial<AdmissionSwitches>): string[] {
  const dependencies = { client: nothing, informers: nothing, authorizer: nothing, boundPods: nothing, rbac: nothing, storedNamespaces: nothing, clock: systemClock, metrics: new MetricsRegistry() } as unknown as AdmissionDependencies;
  return admissionPlugins(dependencies, nothing as never, EXTENSIONS, { enable: [], disable: [], ...switches }).map(({ name }) => name);
}

describe('switches of admission plugins', () => {
  it('know every plugin that is built', () => {
    assert.deepEqual(names({ enable: [...SWITCHABLE] }).toSorted(), [...SWITCHABLE, ...RULES].toSorted());
  });

  it('leave some off by default', () => {
    const byDefault = names();
    assert.ok(byDefault.includes('LimitRanger'));
    assert.ok(!byDefault.includes('OwnerReferencesPermissionEnforcement'));
  });

  it('turn them on in their place and others off', () => {
    const chosen = names({ enable: ['OwnerReferencesPermissionEnforcement', 'AlwaysPullImages'], disable: ['Priority'] });
    assert.ok(chosen.indexOf('AlwaysPullImages') < chosen.indexOf('PodSecurity'));
    assert.equal(chosen[chosen.indexOf('OwnerReferencesPermissionEnforcement') - 1], 'StorageObjectInUseProtection');
    assert.ok(!chosen.includes('Priority'));
  });

  for (const [name, switches, says] of [
    ['a plugin that nobody knows', { enable: ['PodPolicy'], disable: [] }, 'enable-admission-plugins plugin "PodPolicy" is unknown'],
    ['a rule that is no plugin', { enable: [], disable: ['RoleEscalationCheck'] }, 'disable-admission-plugins plugin "RoleEscalationCheck" is unknown'],
    ['both ways', { enable: ['Priority'], disable: ['Priority'] }, '[Priority] in enable-admission-plugins and disable-admission-plugins overlapped'],
  ] as const) {
    it(`refuse ${name}`, () => assert.throws(() => { checkSwitches(switches); }, new UnknownPluginError(says)));
  }
});
