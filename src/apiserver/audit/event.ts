/** The audit event, `audit.k8s.io/v1.Event`, and what it says about users and objects. */
import type { Status } from '#machinery/meta';
import type { RequestInfo, UserInfo } from '../request.ts';
import type { Level, Stage } from './policy.ts';

export interface AuditedUser { username?: string; uid?: string; groups?: readonly string[]; extra?: Readonly<Record<string, readonly string[]>> }

export interface ObjectRef {
  resource?: string; namespace?: string; name?: string; uid?: string; apiGroup?: string; apiVersion?: string; resourceVersion?: string; subresource?: string;
}

export interface AuditEvent {
  readonly kind: 'Event';
  readonly apiVersion: 'audit.k8s.io/v1';
  readonly level: Level;
  readonly auditID: string;
  readonly stage: Stage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: AuditedUser;
  readonly impersonatedUser?: AuditedUser;
  readonly authenticationMetadata?: { readonly impersonationConstraint: string };
  readonly sourceIPs: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: ObjectRef;
  readonly responseStatus?: Status;
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function auditedUser(user: UserInfo): AuditedUser {
  return {
    ...(user.name === '' ? {} : { username: user.name }), ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
    ...(user.groups.length === 0 ? {} : { groups: user.groups }),
    ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
  };
}

export function objectRef(info: RequestInfo): ObjectRef | undefined {
  if (!info.isResourceRequest) return undefined;
  return {
    resource: info.resource, ...(info.namespace === '' ? {} : { namespace: info.namespace }), ...(info.name === '' ? {} : { name: info.name }),
    ...(info.group === '' ? {} : { apiGroup: info.group }), apiVersion: info.version, ...(info.subresource === '' ? {} : { subresource: info.subresource }),
  };
}

/** A copy without managed fields, of an object or of each in a list. */
export function withoutManagedFields(object: unknown): unknown {
  if (typeof object !== 'object' || object === null) return object;
  const { metadata, items, ...rest } = object as { metadata?: { managedFields?: unknown }; items?: unknown };
  const { managedFields: _managed, ...meta } = metadata ?? {};
  return {
    ...object, ...rest, ...(metadata === undefined ? {} : { metadata: meta }),
    ...(Array.isArray(items) ? { items: items.map(withoutManagedFields) } : {}),
  };
}
