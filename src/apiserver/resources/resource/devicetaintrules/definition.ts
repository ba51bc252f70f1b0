/** Device taint rules as a resource: taints that an administrator puts on devices. */
import { devicetaintrules, type DeviceTaintRule } from '#api/generated/resource/v1beta2';
import { path } from '#machinery/field-error';
import { dns1123LabelFaults } from '#machinery/names';
import { formatTime } from '#machinery/time';
import { validateConditions } from '#machinery/validation/conditions';
import type { ResourceDefinition } from '../../definition.ts';
import { checkDriverName, checkPoolName, checkTaint } from '../../rules/devices.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { countChange, keepFields, keepMetadata } from '../../rules/status-reset.ts';

const CONDITIONS_MAX = 8;

function checkSpec({ spec }: DeviceTaintRule, old: DeviceTaintRule | undefined, faults: Faults): void {
  const { driver, pool, device } = spec?.deviceSelector ?? {};
  if (driver !== undefined) checkDriverName(driver, 'spec.deviceSelector.driver', faults);
  if (pool !== undefined) checkPoolName(pool, 'spec.deviceSelector.pool', faults);
  if (device !== undefined) faults.invalidAll('spec.deviceSelector.device', device, dns1123LabelFaults(device));
  checkTaint(spec?.taint ?? { key: '', effect: '' }, old?.spec?.taint?.effect, 'spec.taint', faults);
}

export const deviceTaintRuleDefinition: ResourceDefinition<DeviceTaintRule> = {
  resource: devicetaintrules,
  schema: 'resource/v1beta2.DeviceTaintRule',
  nameRule: 'dns1123-subdomain',
  strategy: {
    prepareForCreate: (rule, context) => {
      rule.status = {};
      rule.metadata.generation = 1;
      if (rule.spec?.taint) rule.spec.taint.timeAdded ??= formatTime(context.nowMs);
    },
    prepareForUpdate: (rule, old, context) => {
      keepFields(rule, old, 'status');
      const taint = rule.spec?.taint;
      const before = old.spec?.taint;
      // Another effect counts from now on.
      const isStale = taint?.effect !== before?.effect && taint?.timeAdded === before?.timeAdded;
      if (taint && (isStale || taint.timeAdded === undefined)) taint.timeAdded = formatTime(context.nowMs);
      countChange(rule, old, 'spec');
    },
    validateCreate: (rule) => faultsOf((faults) => {
      checkFinalizers(rule, faults);
      checkSpec(rule, undefined, faults);
    }),
    validateUpdate: (rule, old) => faultsOf((faults) => {
      checkMetaOnUpdate(rule, old, faults);
      checkSpec(rule, old, faults);
    }),
  },
  statusStrategy: {
    prepareForUpdate: (rule, old) => {
      keepFields(rule, old, 'spec');
      keepMetadata(rule, old);
    },
    validateUpdate: (rule, old) => faultsOf((faults) => {
      checkMetaOnUpdate(rule, old, faults);
      const conditions = rule.status?.conditions ?? [];
      faults.add(validateConditions(conditions, path('status', 'conditions')));
      if (conditions.length > CONDITIONS_MAX) faults.tooMany('status.conditions', conditions.length, CONDITIONS_MAX);
    }),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
};
