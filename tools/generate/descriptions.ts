/**
 * Collects what the fields of the API mean from the type definitions of two development dependencies into
 * `dist/descriptions.json.gz`, which the OpenAPI documents show to `kubectl explain`. Part of the build; never committed.
 * `kubernetes-models` says most; what types are for stands in `kubernetes-descriptions` too, and what parameters are for only there.
 *
 *     { "types": { "core/v1.Pod": ["what a pod is", { "spec": "…" }] }, "parameters": { "labelSelector": "…" } }
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SCHEMA_TEXT } from '../../src/api/generated/schema-text.ts';
import { parseSchema } from '../../src/machinery/schema/parse.ts';

const SOURCE = 'node_modules/kubernetes-descriptions/dist/gen';
const MODELS = 'node_modules/kubernetes-models';
const META_MODELS = 'node_modules/@kubernetes-models/apimachinery/apis/meta';
const TARGET = 'dist/descriptions.json.gz';

type TypeDescription = [text: string, fields: Record<string, string>];

function commentText(lines: string): string {
  const text = lines.split('\n').map((line) => line.replace(/^\s*\*? ?/, '').trimEnd()).join('\n').trim();
  return text.replace(/\\(['"*])/g, '$1').replace(/\\?&quot;/g, '"').replace(/\\?&#39;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
}

/** The class of a generated file: its comment, and those of its properties. */
function readModel(file: string): TypeDescription {
  const text = readFileSync(file, 'utf8');
  const comments = [...text.matchAll(/\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\s*\n\s*(export declare class|'([^']+)'\??:)/g)];
  let about = '';
  const fields: Record<string, string> = {};
  for (const [, body, , name] of comments) {
    const words = commentText(body!);
    if (name === undefined) about = words;
    else fields[name] = words;
  }
  return [about, fields];
}

/** Folder of the models of a schema folder: `apps`, `rbac` → `rbac.authorization.k8s.io`, the core's in none. */
function modelFolder(dir: string, version: string): string {
  if (dir === 'meta') return join(META_MODELS, version);
  const group = dir === 'core' ? '' : readdirSync(MODELS).find((name) => name === dir || name.startsWith(`${dir}.`));
  return join(MODELS, group ?? dir, version);
}

/** Comments of the properties of the interface in a file of `kubernetes-models`. */
function readInterface(file: string): Record<string, string> {
  const [text = ''] = readFileSync(file, 'utf8').split('export declare class');
  return Object.fromEntries([...text.matchAll(/\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\s*\n\s*"([^"]+)"\??:/g)].map(([, body, name]) => [name!, commentText(body!)]));
}

function title(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Descriptions of request parameters, by name; the first one found where they differ. */
function readParameters(): Record<string, string> {
  const text = readFileSync(join(SOURCE, 'types/ObjectParamAPI.d.ts'), 'utf8');
  const out: Record<string, string> = {};
  for (const [, body, name] of text.matchAll(/\/\*\*\n((?:(?!\*\/)[\s\S])*?)\* Defaults to: undefined(?:(?!\*\/)[\s\S])*\*\/\s*\n\s*_?(\w+)\??:/g)) {
    if (name !== 'body' && name !== 'name') out[name!] ??= commentText(body!);
  }
  return out;
}

if (existsSync(SOURCE) && existsSync(MODELS)) {
  const models = new Set(readdirSync(join(SOURCE, 'models')).filter((name) => name.endsWith('.d.ts')).map((name) => name.slice(0, -5)));
  const types: Record<string, TypeDescription> = {};
  for (const [groupVersion, text] of Object.entries(SCHEMA_TEXT)) {
    const [dir, version] = groupVersion.split('/') as [string, string];
    for (const type of parseSchema(groupVersion, text).keys()) {
      const name = type.slice(groupVersion.length + 1);
      const model = [`${title(dir)}${title(version)}${name}`, `${title(version)}${name}`, name].find((candidate) => models.has(candidate));
      const [about, fields] = model === undefined ? ['', {}] : readModel(join(SOURCE, 'models', `${model}.d.ts`));
      const file = join(modelFolder(dir, version), `${name}.d.ts`);
      const more = existsSync(file) ? readInterface(file) : {};
      if (model !== undefined || Object.keys(more).length > 0) types[type] = [about, { ...fields, ...more }];
    }
  }
  mkdirSync('dist', { recursive: true });
  writeFileSync(TARGET, gzipSync(JSON.stringify({ types, parameters: readParameters() }), { level: 9 }));
  console.log(`descriptions of ${Object.keys(types).length} types in ${TARGET}`);
} else {
  console.error('no descriptions: the development dependencies kubernetes-descriptions and kubernetes-models are not installed');
}
