/**
 * Generates TypeScript types and resource handles from `src/api/schema/*.schema`
 * into `src/api/generated/<group>/<version>.ts`, and the schema text table that the runtime parses lazily.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseSchema } from '../../src/machinery/schema/parse.ts';
import type { TypeRef, TypeSchema } from '../../src/machinery/schema/model.ts';

const SCHEMA_DIR = 'src/api/schema';
const HEADER = '// Generated from src/api/schema by `npm run generate`. Do not edit.\n';
/** Types that `#machinery/meta` declares by hand because the machinery itself needs them. */
const MACHINERY_META = new Set([
  'ObjectMeta', 'OwnerReference', 'ManagedFieldsEntry', 'ListMeta', 'LabelSelector', 'LabelSelectorRequirement',
  'StatusCause', 'StatusDetails', 'Status',
]);
const SCALAR_TYPES: Record<string, string> = {
  string: 'string', bytes: 'string', bool: 'boolean', int32: 'number', int64: 'number', double: 'number',
  Time: 'string', MicroTime: 'string', Quantity: 'string', IntOrString: 'number | string',
  RawExtension: 'Record<string, unknown>', JSON: 'unknown', FieldsV1: 'Record<string, unknown>',
  JSONSchemaPropsOrArray: 'unknown', JSONSchemaPropsOrBool: 'boolean | JSONSchemaProps', JSONSchemaPropsOrStringArray: 'unknown',
};

interface ResourceLine { group: string; dir: string; version: string; resource: string; kind: string; namespaced: boolean }

/** @returns path → content of every generated file. */
export function generateApiTypes(): Map<string, string> {
  const out = new Map<string, string>();
  const resources = parseResources(readFileSync(join(SCHEMA_DIR, 'resources.schema'), 'utf8'));
  const texts: [string, string][] = [];
  for (const file of readdirSync(SCHEMA_DIR).sort()) {
    const match = /^(\w+)-(v\w+)\.schema$/.exec(file);
    if (match === null) continue;
    const [, dir, version] = match as unknown as [string, string, string];
    const text = readFileSync(join(SCHEMA_DIR, file), 'utf8');
    texts.push([`${dir}/${version}`, text]);
    const types = parseSchema(`${dir}/${version}`, text);
    out.set(`src/api/generated/${dir}/${version}.ts`, emitGroup(dir, version, types, resources));
  }
  out.set('src/api/generated/schema-text.ts',
    `${HEADER}\n/** Group version → its schema text; parsed on first use. */\nexport const SCHEMA_TEXT: Readonly<Record<string, string>> = {\n${
      texts.map(([name, text]) => `  ${JSON.stringify(name)}: ${JSON.stringify(text)},\n`).join('')}};\n\nexport const RESOURCES_TEXT = ${
      JSON.stringify(readFileSync(join(SCHEMA_DIR, 'resources.schema'), 'utf8'))};\n`);
  return out;
}

function parseResources(text: string): ResourceLine[] {
  const lines: ResourceLine[] = [];
  let current: { group: string; dir: string; version: string } | undefined;
  for (const line of text.split('\n')) {
    const group = /^group (\w+)\/(\w+)(?: name=(\S+))?$/.exec(line);
    if (group !== null) {
      current = { dir: group[1]!, version: group[2]!, group: group[3] === undefined ? group[1]! : group[3].replaceAll('"', '') };
      continue;
    }
    const resource = /^ {2}(\w+) (\w+) (namespaced|cluster)/.exec(line);
    if (resource !== null && current !== undefined) {
      lines.push({ ...current, resource: resource[1]!, kind: resource[2]!, namespaced: resource[3] === 'namespaced' });
    }
  }
  return lines;
}

function emitGroup(dir: string, version: string, types: Map<string, TypeSchema>, resources: ResourceLine[]): string {
  const imports = new Map<string, Set<string>>();
  const bodies: string[] = [];
  const reexports: string[] = [];
  const own = `${dir}/${version}`;
  for (const schema of types.values()) {
    const name = schema.name.slice(own.length + 1);
    if (own === 'meta/v1' && MACHINERY_META.has(name)) { reexports.push(name); continue; }
    bodies.push(emitType(name, schema, own, imports));
  }
  const handles = resources.filter((line) => line.dir === dir && line.version === version && types.has(`${own}.${line.kind}`));
  const lines = [HEADER];
  if (handles.length > 0) lines.push(`import type { ResourceType } from '#machinery/meta';`);
  for (const [from, names] of [...imports].sort()) {
    const machinery = from === 'meta/v1' ? [...names].filter((n) => MACHINERY_META.has(n)) : [];
    const generated = [...names].filter((n) => !machinery.includes(n));
    if (machinery.length > 0) lines.push(`import type { ${machinery.sort().join(', ')} } from '#machinery/meta';`);
    if (generated.length > 0) lines.push(`import type { ${generated.sort().join(', ')} } from '../${from}.ts';`);
  }
  if (reexports.length > 0) {
    lines.push(`import type { ${reexports.sort().join(', ')} } from '#machinery/meta';`, `export type { ${reexports.join(', ')} };`);
  }
  lines.push('', ...bodies);
  for (const line of handles) {
    lines.push(`export const ${line.resource}: ResourceType<${line.kind}> = { group: '${line.group}', version: '${line.version}', resource: '${line.resource}', kind: '${line.kind}', namespaced: ${line.namespaced} };`);
  }
  return `${lines.join('\n')}\n`;
}

function emitType(name: string, schema: TypeSchema, own: string, imports: Map<string, Set<string>>): string {
  const lines = [`export interface ${name} {`];
  const isObject = schema.isKind || (name.endsWith('List') && schema.fields.has('items'));
  if (isObject && !schema.fields.has('apiVersion')) lines.push('  apiVersion?: string;', '  kind?: string;');
  for (const field of schema.fields.values()) {
    const key = /^\w+$/.test(field.name) ? field.name : `'${field.name}'`;
    const optional = field.required || (field.name === 'metadata' && isObject) ? '' : '?';
    lines.push(`  ${key}${optional}: ${emitRef(field.type, own, imports)};`);
  }
  return `${lines.join('\n')}\n}\n`;
}

function emitRef(ref: TypeRef, own: string, imports: Map<string, Set<string>>): string {
  switch (ref.kind) {
    case 'scalar': return SCALAR_TYPES[ref.scalar]!;
    case 'map': return `Record<string, ${emitRef(ref.value, own, imports)}>`;
    case 'list': {
      const item = emitRef(ref.item, own, imports);
      return item.includes(' ') ? `(${item})[]` : `${item}[]`;
    }
    case 'ref': {
      const [from, name] = ref.name.split('.') as [string, string];
      if (from !== own) {
        if (!imports.has(from)) imports.set(from, new Set());
        imports.get(from)!.add(name);
      }
      return name;
    }
  }
}
