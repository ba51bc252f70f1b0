import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import type { AdmissionDependencies } from './dependencies.ts';
import { admissionPlugins, UnknownPluginError, type AdmissionSwitches } from './registry.ts';

const nothing: unknown = new Proxy(() => nothing, { get: () => nothing });

function names(switches?: Partial<AdmissionSwitches>): string[] {
  const dependencies = { client: nothing, informers: nothing, authorizer: nothing, pods: nothing, rbac: nothing, storedNamespaces: nothing, clock: systemClock } as unknown as AdmissionDependencies;
  return admissionPlugins(dependencies, nothing as never, {}, { enable: [], disable: [], ...switches }).map(({ name }) => name);
}

describe('switches of admission plugins', () => {
  it('leaves some off by default', () => {
    const byDefault = names();
    assert.ok(byDefault.includes('LimitRanger'));
    assert.ok(!byDefault.includes('OwnerReferencesPermissionEnforcement'));
  });

  it('turns them on in their place and others off', () => {
    const chosen = names({ enable: ['OwnerReferencesPermissionEnforcement', 'AlwaysPullImages'], disable: ['Priority'] });
    assert.ok(chosen.indexOf('AlwaysPullImages') < chosen.indexOf('PodSecurity'));
    assert.equal(chosen[chosen.indexOf('OwnerReferencesPermissionEnforcement') - 1], 'StorageObjectInUseProtection');
    assert.ok(!chosen.includes('Priority'));
  });

  it('keeps the rules that are no plugins upstream', () => {
    assert.throws(() => names({ disable: ['RoleEscalationCheck'] }), new UnknownPluginError('disable-admission-plugins plugin "RoleEscalationCheck" is unknown'));
  });

  it('refuses names it does not know, and contradictions', () => {
    assert.throws(() => names({ enable: ['PodPolicy'] }), new UnknownPluginError('enable-admission-plugins plugin "PodPolicy" is unknown'));
    assert.throws(() => names({ enable: ['Priority'], disable: ['Priority'] }), new UnknownPluginError('[Priority] in enable-admission-plugins and disable-admission-plugins overlapped'));
  });
});
