/** What is asked, in the form authorizers judge. */
import type { RequestInfo, UserInfo } from '../request.ts';
import type { AuthorizationAttributes } from './authorizer.ts';

export function attributesOf(user: UserInfo, info: RequestInfo): AuthorizationAttributes {
  return {
    user, verb: info.verb, namespace: info.namespace, group: info.group, version: info.version, resource: info.resource,
    subresource: info.subresource, name: info.name, isResourceRequest: info.isResourceRequest, path: info.path,
    fieldSelector: info.fieldSelector, labelSelector: info.labelSelector,
  };
}

export interface ResourceQuestion {
  readonly user: UserInfo;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly version?: string;
  readonly namespace?: string;
  readonly subresource?: string;
  readonly name?: string;
}

/** A question the API server asks itself: may this user do that to this resource? */
export function resourceAttributes(question: ResourceQuestion): AuthorizationAttributes {
  return {
    version: '*', namespace: '', subresource: '', name: '', ...question, isResourceRequest: true, path: '',
  };
}
