/** The text and Status of a refusal: `pods "a" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "n"`. */
import { quote } from '#machinery/go-print';
import { newForbidden, type StatusError } from '#machinery/status-error';
import type { AuthorizationAttributes } from './authorizer.ts';

/** @param reason what the authorizer said; shown after a colon. */
export function forbidden(attributes: AuthorizationAttributes, reason: string): StatusError {
  const text = harmless(forbiddenText(attributes));
  return newForbidden(attributes.group, attributes.resource, attributes.name, reason === '' ? text : `${text}: ${reason}`);
}

function forbiddenText(attributes: AuthorizationAttributes): string {
  const { user, verb, group, namespace } = attributes;
  if (!attributes.isResourceRequest) return `User ${quote(user.name)} cannot ${verb} path ${quote(attributes.path)}`;
  const resource = attributes.subresource === '' ? attributes.resource : `${attributes.resource}/${attributes.subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace ${quote(namespace)}`;
  return `User ${quote(user.name)} cannot ${verb} resource ${quote(resource)} in API group ${quote(group)} ${scope}`;
}

/** Nothing that a browser could take for markup. */
function harmless(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
