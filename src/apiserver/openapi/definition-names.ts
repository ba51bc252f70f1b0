/** What types are called in OpenAPI documents: Go's package path, reversed in its host: `io.k8s.api.core.v1.Pod`. */
import type { Scalar } from '#machinery/schema/model';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const APIEXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions';
const PACKAGES: Readonly<Record<string, string>> = {
  meta: 'io.k8s.apimachinery.pkg.apis.meta',
  apiextensions: APIEXTENSIONS,
  apiregistration: 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
};

/** Scalars that are definitions of their own. */
const SCALAR_DEFINITIONS: Partial<Record<Scalar, string>> = {
  Time: `${META}.Time`, MicroTime: `${META}.MicroTime`, FieldsV1: `${META}.FieldsV1`,
  Quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity', IntOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  RawExtension: 'io.k8s.apimachinery.pkg.runtime.RawExtension', JSON: `${APIEXTENSIONS}.v1.JSON`,
  JSONSchemaPropsOrArray: `${APIEXTENSIONS}.v1.JSONSchemaPropsOrArray`, JSONSchemaPropsOrBool: `${APIEXTENSIONS}.v1.JSONSchemaPropsOrBool`,
  JSONSchemaPropsOrStringArray: `${APIEXTENSIONS}.v1.JSONSchemaPropsOrStringArray`,
};

/** @param type `core/v1.Pod` */
export function definitionName(type: string): string {
  const slash = type.indexOf('/');
  const dir = type.slice(0, slash);
  const rest = type.slice(slash + 1);
  if (dir === 'version') return `io.k8s.apimachinery.pkg.version.${rest.slice(rest.indexOf('.') + 1)}`;
  return `${PACKAGES[dir] ?? `io.k8s.api.${dir}`}.${rest}`;
}

/** The type of a definition: `io.k8s.api.core.v1.Pod` → `core/v1.Pod`; of no type that exists, where it is none. */
export function typeName(definition: string): string {
  const match = /\.(\w+)\.(v\w+)\.(\w+)$/.exec(definition);
  if (match !== null) return `${match[1]}/${match[2]}.${match[3]}`;
  return definition.startsWith('io.k8s.apimachinery.pkg.version.') ? `version/v1.${definition.slice(definition.lastIndexOf('.') + 1)}` : 'none/v0.none';
}

export function scalarDefinitionName(scalar: Scalar): string | undefined {
  return SCALAR_DEFINITIONS[scalar];
}

/** `flowcontrol.apiserver.k8s.io` → `FlowcontrolApiserver`; the core group is `Core`. */
export function groupTitle(group: string): string {
  if (group === '') return 'Core';
  return group.replace(/\.k8s\.io$/, '').split(/[.-]/).map(title).join('');
}

/** `flowcontrolApiserver_v1`, the tag of a version's operations; without a version that of the group's. */
export function groupTag(group: string, version?: string): string {
  const name = groupTitle(group);
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}${version === undefined ? '' : `_${version}`}`;
}

export function title(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
