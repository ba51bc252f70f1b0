/** The rules of a container's environment: variables and where their values come from. */
import type { EnvFromSource, EnvVar, FileKeySelector } from '#api/generated/core/v1';
import { configMapKeyFaults, dns1123LabelFaults, dns1123SubdomainFaults, nameIsDnsSubdomain, relaxedEnvVarNameFaults } from '#machinery/names';
import { checkFieldRef, checkResourceFieldRef, ENV_FIELD_PATHS } from './downward-api.ts';
import type { Faults } from './faults.ts';
import type { PodRules } from './pod-rules.ts';
import { checkPathHasNoBacksteps } from './volume-sources.ts';

export function checkEnv(variables: readonly EnvVar[] | undefined, place: string, faults: Faults, rules: PodRules): void {
  for (const [index, variable] of (variables ?? []).entries()) {
    const at = `${place}[${index}]`;
    if (!variable.name) faults.required(`${at}.name`);
    else faults.invalidAll(`${at}.name`, variable.name, relaxedEnvVarNameFaults(variable.name));
    checkValueFrom(variable, `${at}.valueFrom`, faults, rules);
  }
}

function checkValueFrom(variable: EnvVar, place: string, faults: Faults, rules: PodRules): void {
  const from = variable.valueFrom;
  if (!from) return;
  if (from.fieldRef) checkFieldRef(from.fieldRef, ENV_FIELD_PATHS, `${place}.fieldRef`, faults);
  if (from.resourceFieldRef) checkResourceFieldRef(from.resourceFieldRef, `${place}.resourceFieldRef`, faults, false);
  for (const kind of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const ref = from[kind];
    if (!ref) continue;
    faults.invalidAll(`${place}.${kind}.name`, ref.name, dns1123SubdomainFaults(ref.name ?? ''));
    if (!ref.key) faults.required(`${place}.${kind}.key`);
    else faults.invalidAll(`${place}.${kind}.key`, ref.key, configMapKeyFaults(ref.key));
  }
  if (from.fileKeyRef) checkFileKeyRef(from.fileKeyRef, `${place}.fileKeyRef`, faults);
  const sources = [from.fieldRef, from.resourceFieldRef, from.configMapKeyRef, from.secretKeyRef, from.fileKeyRef].filter(Boolean).length;
  if (sources === 0) {
    const known = rules.gate('EnvFiles') ? '`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`' : '`configMapKeyRef` or `secretKeyRef`';
    faults.invalid(place, '', `must specify one of: \`fieldRef\`, \`resourceFieldRef\`, ${known}`);
  } else if (variable.value) {
    faults.invalid(place, '', 'may not be specified when `value` is not empty');
  } else if (sources > 1) {
    faults.invalid(place, '', 'may not have more than one field specified at a time');
  }
}

function checkFileKeyRef(ref: FileKeySelector, place: string, faults: Faults): void {
  if (!ref.key) faults.required(`${place}.key`);
  else faults.invalidAll(`${place}.key`, ref.key, relaxedEnvVarNameFaults(ref.key));
  if (!ref.volumeName) faults.required(`${place}.volumeName`);
  else faults.invalidAll(`${place}.volumeName`, ref.volumeName, dns1123LabelFaults(ref.volumeName));
  if (!ref.path) faults.required(`${place}.path`);
  else checkPathHasNoBacksteps(ref.path, `${place}.path`, faults);
}

export function checkEnvFrom(sources: readonly EnvFromSource[] | undefined, place: string, faults: Faults): void {
  for (const [index, source] of (sources ?? []).entries()) {
    const at = `${place}[${index}]`;
    if (source.prefix) faults.invalidAll(`${at}.prefix`, source.prefix, relaxedEnvVarNameFaults(source.prefix));
    for (const kind of ['configMapRef', 'secretRef'] as const) {
      const ref = source[kind];
      if (!ref) continue;
      if (!ref.name) faults.required(`${at}.${kind}.name`);
      else faults.invalidAll(`${at}.${kind}.name`, ref.name, nameIsDnsSubdomain(ref.name, true));
    }
    if (!source.configMapRef && !source.secretRef) faults.invalid(place, '', 'must specify one of: `configMapRef` or `secretRef`');
    else if (source.configMapRef && source.secretRef) faults.invalid(place, '', 'may not have more than one field specified at a time');
  }
}
