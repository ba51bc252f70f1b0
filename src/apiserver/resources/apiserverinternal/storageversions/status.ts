/** The rules of what API servers say they store. */
import type { ServerStorageVersion, StorageVersionCondition, StorageVersionStatus } from '#api/generated/apiserverinternal/v1alpha1';
import { dns1035LabelFaults, dns1123SubdomainFaults, patternFault, qualifiedNameFaults } from '#machinery/names';
import type { Faults } from '../../rules/faults.ts';

const LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const LABEL_TEXT = "a DNS-1035 label, which must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
  + 'and end with an alphanumeric character';

export function checkStatus(status: StorageVersionStatus, faults: Faults): void {
  const servers = new Set<string>();
  for (const [index, server] of (status.storageVersions ?? []).entries()) {
    const at = `status.storageVersions[${index}]`;
    const id = server.apiServerID ?? '';
    if (servers.has(id)) faults.duplicate(`${at}.apiServerID`, id);
    servers.add(id);
    checkServer(server, at, faults);
  }
  checkCommonVersion(status, faults);
  checkConditions(status.conditions ?? [], faults);
}

function checkServer(server: ServerStorageVersion, at: string, faults: Faults): void {
  const { apiServerID: id = '', encodingVersion = '', decodableVersions = [], servedVersions = [] } = server;
  faults.invalidAll(`${at}.apiServerID`, id, dns1123SubdomainFaults(id));
  checkVersion(encodingVersion, `${at}.encodingVersion`, faults);
  for (const [index, version] of decodableVersions.entries()) checkVersion(version, `${at}.decodableVersions[${index}]`, faults);
  if (!decodableVersions.includes(encodingVersion)) {
    faults.invalid(`${at}.decodableVersions`, decodableVersions, `decodableVersions must include encodingVersion ${encodingVersion}`);
  }
  for (const [index, version] of servedVersions.entries()) {
    const place = `${at}.servedVersions[${index}]`;
    checkVersion(version, place, faults);
    if (decodableVersions.includes(version)) continue;
    faults.invalid(place, version, `individual served version : ${version} must be included in decodableVersions : [${decodableVersions.join(' ')}]`);
  }
}

function checkVersion(apiVersion: string, place: string, faults: Faults): void {
  const texts = versionTexts(apiVersion);
  if (texts.length > 0) faults.invalid(place, apiVersion, texts.join(','));
}

function versionTexts(apiVersion: string): string[] {
  const parts = apiVersion.split('/');
  if (parts.length > 2) {
    return [`an apiVersion is ${patternFault(LABEL_TEXT, LABEL, 'my-name', 'abc-123')} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyVersion')`];
  }
  const check = (part: string, texts: (value: string) => string[], name: string): string[] =>
    (part === '' ? ['must be non-empty'] : texts(part)).map((text) => `${name} part: ${text}`);
  return [...(parts.length === 2 ? check(parts[0]!, dns1123SubdomainFaults, 'group') : []), ...check(parts.at(-1)!, dns1035LabelFaults, 'version')];
}

function checkCommonVersion({ storageVersions: servers = [], commonEncodingVersion: given }: StorageVersionStatus, faults: Faults): void {
  const place = 'status.commonEncodingVersion';
  const first = servers[0]?.encodingVersion;
  const actual = servers.every((server) => server.encodingVersion === first) ? first : undefined;
  if (actual === undefined) {
    if (given !== undefined) {
      faults.invalid(place, given,
        'should be nil if servers do not agree on the same encoding version, or if there is no server reporting the supported versions yet');
    }
  } else if (given === undefined) faults.invalid(place, null, `the common encoding version is ${actual}`);
  else if (given !== actual) faults.invalid(place, given, `the actual common encoding version is ${actual}`);
}

function checkConditions(conditions: readonly StorageVersionCondition[], faults: Faults): void {
  const seen = new Map<string, number>();
  for (const [index, { type = '', status = '', reason, message }] of conditions.entries()) {
    const at = `status[${index}]`;
    const before = seen.get(type);
    if (before !== undefined) faults.invalid(`${at}.type`, type, `the type of the condition is not unique, it also appears in conditions[${before}]`);
    seen.set(type, index);
    faults.invalidAll(`${at}.type`, type, qualifiedNameFaults(type));
    faults.invalidAll(`${at}.status`, status, qualifiedNameFaults(status));
    if (!reason) faults.required(`${at}.reason`);
    if (!message) faults.required(`${at}.message`);
  }
}
