/** The rules of an API service's spec. */
import type { APIServiceSpec } from '#api/generated/apiregistration/v1';
import { dns1035LabelFaults, dns1123SubdomainFaults, portNumberFaults } from '#machinery/names';
import { base64Bytes } from '../../rules/data.ts';
import type { Faults } from '../../rules/faults.ts';

const GROUP_PRIORITY_MAX = 20_000;
const VERSION_PRIORITY_MAX = 1000;

export function checkSpec(spec: Partial<APIServiceSpec>, faults: Faults): void {
  const { group = '', version = '', groupPriorityMinimum: groupPriority = 0, versionPriority = 0, service } = spec;
  if (group === '' && version !== 'v1') faults.required('spec.group', 'only v1 may have an empty group and it better be legacy kube');
  if (group !== '') faults.invalidAll('spec.group', group, dns1123SubdomainFaults(group));
  faults.invalidAll('spec.version', version, dns1035LabelFaults(version));
  if (groupPriority <= 0 || groupPriority > GROUP_PRIORITY_MAX) {
    faults.invalid('spec.groupPriorityMinimum', groupPriority, `must be positive and less than ${GROUP_PRIORITY_MAX}`);
  }
  if (versionPriority <= 0 || versionPriority > VERSION_PRIORITY_MAX) {
    faults.invalid('spec.versionPriority', versionPriority, `must be positive and less than ${VERSION_PRIORITY_MAX}`);
  }
  if (!service) return checkLocal(spec, faults);
  if (!service.namespace) faults.required('spec.service.namespace');
  if (!service.name) faults.required('spec.service.name');
  const texts = portNumberFaults(service.port ?? 0);
  if (texts.length > 0) faults.invalid('spec.service.port', service.port ?? 0, `port is not valid: ${texts.join(', ')}`);
  if (spec.insecureSkipTLSVerify && spec.caBundle) faults.invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present');
}

function checkLocal({ caBundle, insecureSkipTLSVerify }: Partial<APIServiceSpec>, faults: Faults): void {
  if (caBundle) faults.invalid('spec.caBundle', `${base64Bytes(caBundle)} bytes`, 'local APIServices may not have a caBundle');
  if (insecureSkipTLSVerify) faults.invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify');
}
