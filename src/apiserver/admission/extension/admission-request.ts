/** The `request` of an admission review, and of expressions: who does what to which resource; objects aside. */
import type { GroupVersionKind } from '#machinery/gvk';
import type { AdmissionAttributes } from '../plugin.ts';
import type { GroupVersionResource } from './match-rules.ts';
import { kindOf, resourceOf } from './object-forms.ts';

/** What a webhook or policy is shown in place of the request's own resource and kind. */
export interface Invocation { readonly resource: GroupVersionResource; readonly kind: GroupVersionKind }

export function admissionRequest(attributes: AdmissionAttributes, { resource, kind }: Invocation): Record<string, unknown> {
  const { subresource, name, namespace, operation, user, dryRun } = attributes;
  const own = kindOf(attributes);
  return {
    kind: { group: kind.group, version: kind.version, kind: kind.kind },
    resource: { group: resource.group, version: resource.version, resource: resource.resource },
    ...(subresource === '' ? {} : { subResource: subresource }),
    requestKind: { group: own.group, version: own.version, kind: own.kind }, requestResource: resourceOf(attributes),
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(name === '' ? {} : { name }), ...(namespace === '' ? {} : { namespace }), operation,
    userInfo: {
      ...(user.name === '' ? {} : { username: user.name }), ...(user.uid ? { uid: user.uid } : {}), ...(user.groups.length === 0 ? {} : { groups: user.groups }),
      ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
    },
    dryRun, options: operation === 'CONNECT' ? null : attributes.options,
  };
}
