/** No service gets external IPs it did not have: they let a tenant take traffic meant for others. Off by default, as upstream. */
import type { Service } from '#api/generated/core/v1';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';

export function denyServiceExternalIps(): AdmissionPlugin {
  return {
    name: 'DenyServiceExternalIPs',
    validate(attributes) {
      const { operation, object, oldObject } = attributes;
      if (!isAbout(attributes, '', 'services') || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
      const had = new Set((oldObject as Service | undefined)?.spec?.externalIPs);
      if (((object as Service).spec?.externalIPs ?? []).every((ip) => had.has(ip))) return;
      throw refused(attributes, 'Use of external IPs is denied by admission control');
    },
  };
}
