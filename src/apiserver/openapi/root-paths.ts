/** The documented paths that belong to no resource: lists of groups, of versions, of resources; the server's version, its keys. */
import type { JsonObject, OpenApiVersion } from './definitions.ts';
import { referencePrefix } from './definitions.ts';
import { groupTag, groupTitle, title } from './definition-names.ts';
import { BUILTIN_MEDIA_TYPES, responseOf } from './paths.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

export interface RootPath {
  readonly path: string;
  readonly id: string;
  readonly description: string;
  readonly tag: string;
  /** Undefined: plain text. */
  readonly definition: string | undefined;
  readonly types: readonly string[];
  readonly consumes: boolean;
}

/** Document of v3 → its one path. */
export const SERVER_PATHS: Readonly<Record<string, RootPath>> = {
  api: { path: '/api/', id: 'getCoreAPIVersions', description: 'get available API versions', tag: 'core', definition: `${META}.APIVersions`, types: BUILTIN_MEDIA_TYPES.object, consumes: true },
  apis: { path: '/apis/', id: 'getAPIVersions', description: 'get available API versions', tag: 'apis', definition: `${META}.APIGroupList`, types: BUILTIN_MEDIA_TYPES.object, consumes: true },
  version: { path: '/version/', id: 'getCodeVersion', description: 'get the version information for this server', tag: 'version', definition: 'io.k8s.apimachinery.pkg.version.Info', types: ['application/json'], consumes: true },
  'openid/v1/jwks': {
    path: '/openid/v1/jwks/', id: 'getServiceAccountIssuerOpenIDKeyset', description: 'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)',
    tag: 'openid', definition: undefined, types: ['application/jwk-set+json'], consumes: false,
  },
  '.well-known/openid-configuration': {
    path: '/.well-known/openid-configuration/', id: 'getServiceAccountIssuerOpenIDConfiguration',
    description: "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'", tag: 'WellKnown', definition: undefined, types: ['application/json'], consumes: false,
  },
};

export function groupPath(group: string): RootPath {
  return {
    path: `/apis/${group}/`, id: `get${groupTitle(group)}APIGroup`, description: 'get information of a group', tag: groupTag(group),
    definition: `${META}.APIGroup`, types: BUILTIN_MEDIA_TYPES.object, consumes: true,
  };
}

export function versionPath(group: string, version: string): RootPath {
  return {
    path: group === '' ? `/api/${version}/` : `/apis/${group}/${version}/`, id: `get${groupTitle(group)}${title(version)}APIResources`,
    description: 'get available resources', tag: groupTag(group, version), definition: `${META}.APIResourceList`, types: BUILTIN_MEDIA_TYPES.object, consumes: true,
  };
}

export function writeRootPath(root: RootPath, version: OpenApiVersion): JsonObject {
  const schema = root.definition === undefined ? { type: 'string' } : { $ref: referencePrefix(version) + root.definition };
  const responses = { 200: responseOf(version, 200, schema, root.types), 401: { description: 'Unauthorized' } };
  const common = { description: root.description, operationId: root.id, responses, tags: [root.tag] };
  if (version === 3) return { get: common };
  return { get: { ...(root.consumes ? { consumes: root.types } : {}), ...common, produces: root.types, schemes: ['https'] } };
}
