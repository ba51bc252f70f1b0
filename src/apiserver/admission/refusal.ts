/** How a plugin refuses: 403 naming the object, as `pods "web" is forbidden: TEXT`. */
import { newForbidden, type StatusError } from '#machinery/status-error';
import type { AdmissionAttributes } from './plugin.ts';

export function refused(attributes: AdmissionAttributes, text: string): StatusError {
  return newForbidden(attributes.info.group, attributes.info.resource, objectName(attributes), text);
}

function objectName({ name, object }: AdmissionAttributes): string {
  if (name !== '') return name;
  const meta = object?.metadata;
  return meta?.name || meta?.generateName || 'Unknown';
}

/** Whether the request is about this resource ('' for the core group). */
export function isAbout(attributes: AdmissionAttributes, group: string, resource: string, subresource = ''): boolean {
  return attributes.info.resource === resource && attributes.info.group === group && attributes.subresource === subresource;
}
