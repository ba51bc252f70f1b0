/** Leases as a resource. */
import { leases, type Lease, type LeaseSpec } from '#api/generated/coordination/v1';
import { path } from '#machinery/field-error';
import { validateObjectMetaUpdate } from '#machinery/validation/object-meta';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkLeaseStrategy } from '../../rules/lease-strategy.ts';

function dropElectionFields(lease: Lease, old: Lease | undefined, context: { featureEnabled(gate: string): boolean }): void {
  if (!lease.spec || context.featureEnabled('CoordinatedLeaderElection')) return;
  if (old?.spec?.strategy === undefined) delete lease.spec.strategy;
  if (old?.spec?.preferredHolder === undefined) delete lease.spec.preferredHolder;
}

function checkSpec(spec: LeaseSpec, faults: Faults): void {
  const { leaseDurationSeconds: seconds, leaseTransitions: transitions, strategy } = spec;
  if (seconds !== undefined && seconds <= 0) faults.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0');
  if (transitions !== undefined && transitions < 0) faults.invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0');
  if (strategy !== undefined) checkLeaseStrategy(strategy, 'spec.strategy', faults);
  if (spec.preferredHolder && !strategy) faults.forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined');
}

export const leaseDefinition: ResourceDefinition<Lease> = {
  resource: leases,
  schema: 'coordination/v1.Lease',
  nameRule: 'dns1123-subdomain',
  strategy: {
    prepareForCreate: (lease, context) => dropElectionFields(lease, undefined, context),
    prepareForUpdate: (lease, old, context) => dropElectionFields(lease, old, context),
    validateCreate: (lease) => faultsOf((faults) => checkSpec(lease.spec ?? {}, faults)),
    validateUpdate: (lease, old) => faultsOf((faults) => {
      faults.add(validateObjectMetaUpdate(lease.metadata, old.metadata, path('metadata')));
      checkSpec(lease.spec ?? {}, faults);
    }),
  },
  allowCreateOnUpdate: true,
};
