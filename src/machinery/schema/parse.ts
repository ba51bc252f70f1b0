/**
 * Parses the compact schema text of `src/api/schema/<group>-<version>.schema`.
 *
 *     kind Pod                                   a type with apiVersion and kind
 *     type ContainerPort atomic                  a plain type; `atomic`: one value to server-side apply
 *       3 containerPort! int32 keep              field number, name, `!` required, type, attributes
 *       2.1 hostPath *HostPathVolumeSource       number path of an inlined message; `*` a pointer upstream
 *       6 ports []ContainerPort list=map(containerPort,protocol) patch=merge(containerPort)
 *       - name string                            no protobuf number
 *       1 protocol string go=Protocol            the Go type that decode errors name; the version's own package is left out
 *       3 secret *SecretVolumeSource in=VolumeSource   the embedded Go struct that decode errors name in the path
 *       1 protocol string enum=SCTP,TCP,UDP default="TCP"   what the API documents say; a space is written %20
 *       union type localhostProfile=LocalhostProfile
 *
 * Types: scalars, `[]T`, `map[T]`, `Name` of the same file, `group/version.Name` of another.
 */
import type { FieldSchema, Scalar, TypeRef, TypeSchema, UnionSchema } from './model.ts';

const SCALARS: ReadonlySet<string> = new Set<Scalar>([
  'string', 'bytes', 'bool', 'int32', 'int64', 'double', 'Time', 'MicroTime', 'Quantity', 'IntOrString',
  'RawExtension', 'JSON', 'FieldsV1', 'JSONSchemaPropsOrArray', 'JSONSchemaPropsOrBool', 'JSONSchemaPropsOrStringArray',
]);

/** @public */
export class SchemaSyntaxError extends Error {}

/** @param groupVersion `core/v1`, the prefix of the names in this text. @throws SchemaSyntaxError with the line. */
export function parseSchema(groupVersion: string, text: string): Map<string, TypeSchema> {
  const types = new Map<string, TypeSchema>();
  let fields = new Map<string, FieldSchema>();
  let unions: UnionSchema[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (!raw.startsWith(' ')) {
      const [head, name, ...flags] = line.split(' ');
      if ((head !== 'kind' && head !== 'type') || name === undefined) throw new SchemaSyntaxError(`${groupVersion}: ${raw}`);
      fields = new Map();
      unions = [];
      const full = `${groupVersion}.${name}`;
      types.set(full, { name: full, isKind: head === 'kind', atomic: flags.includes('atomic'), fields, unions });
    } else if (line.startsWith('union ')) {
      unions.push(parseUnion(line));
    } else {
      const field = parseField(groupVersion, line);
      fields.set(field.name, field);
    }
  }
  return types;
}

function parseUnion(line: string): UnionSchema {
  const [, discriminator, ...pairs] = line.split(' ');
  return {
    discriminator: discriminator === '-' ? undefined : discriminator,
    fields: new Map(pairs.map((pair) => pair.split('=') as [string, string])),
  };
}

function parseField(groupVersion: string, line: string): FieldSchema {
  const [number, rawName, rawType, ...attributes] = line.split(' ');
  if (number === undefined || rawName === undefined || rawType === undefined) throw new SchemaSyntaxError(`${groupVersion}: ${line}`);
  let list: FieldSchema['list'];
  let mapType: FieldSchema['mapType'];
  let patchStrategies: string[] = [];
  let patchMergeKey: string | undefined;
  let keep = false;
  let goType: string | undefined;
  let embedded: string | undefined;
  let documented: Pick<FieldSchema, 'enumValues' | 'documentedDefault'> = {};
  for (const attribute of attributes) {
    if (attribute.startsWith('go=')) { goType = expandGoType(groupVersion, attribute.slice(3)); continue; }
    if (attribute.startsWith('in=')) { embedded = attribute.slice(3); continue; }
    if (attribute.startsWith('enum=')) { documented = { ...documented, enumValues: attribute.slice(5).split(',').map(decodeURIComponent) }; continue; }
    if (attribute.startsWith('default=')) { documented = { ...documented, documentedDefault: JSON.parse(attribute.slice(8)) as unknown }; continue; }
    const match = /^(\w+)(?:=([\w,]+)(?:\(([^)]*)\))?)?$/.exec(attribute);
    const argument = match?.[3];
    switch (match?.[1]) {
      case 'keep': keep = true; break;
      case 'list': list = { type: match[2] as 'atomic' | 'set' | 'map', keys: argument?.split(',') ?? [] }; break;
      case 'map': mapType = match[2] as 'atomic' | 'granular'; break;
      case 'patch': patchStrategies = match[2]?.split(',') ?? []; patchMergeKey = argument; break;
      default: throw new SchemaSyntaxError(`${groupVersion}: unknown attribute ${attribute} in: ${line}`);
    }
  }
  const pointer = rawType.startsWith('*');
  return {
    name: rawName.replace(/!$/, ''),
    required: rawName.endsWith('!'),
    type: parseTypeRef(groupVersion, pointer ? rawType.slice(1) : rawType),
    protoPath: number === '-' ? undefined : number.split('.').map(Number),
    pointer, keep, list, mapType, patchStrategies, patchMergeKey,
    ...(goType === undefined ? {} : { goType }), ...(embedded === undefined ? {} : { embedded }), ...documented,
  };
}

/** `[]Capability` of `core/v1` → `[]v1.Capability`. */
function expandGoType(groupVersion: string, text: string): string {
  const goPackage = groupVersion.slice(groupVersion.indexOf('/') + 1);
  return text.replace(/(^|[[\]])(?=[A-Z])/g, `$1${goPackage}.`);
}

function parseTypeRef(groupVersion: string, text: string): TypeRef {
  if (text.startsWith('[]')) return { kind: 'list', item: parseTypeRef(groupVersion, text.slice(2)) };
  if (text.startsWith('map[')) return { kind: 'map', value: parseTypeRef(groupVersion, text.slice(4, -1)) };
  if (SCALARS.has(text)) return { kind: 'scalar', scalar: text as Scalar };
  return { kind: 'ref', name: text.includes('.') ? text : `${groupVersion}.${text}` };
}
