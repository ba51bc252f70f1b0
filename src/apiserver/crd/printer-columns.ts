/** The table of a custom resource: its definition's columns, the first match of each path. */
import type { CustomResourceColumnDefinition } from '#api/generated/apiextensions/v1';
import { encodeAny } from '#machinery/codec/json-encode';
import { formatFloat } from '#machinery/go-print';
import type { KubeObject } from '#machinery/meta';
import { parseTime, TimeError } from '#machinery/time';
import type { TableColumn, TablePrinter } from '../resources/definition.ts';
import { since } from '../resources/printing/cells.ts';
import { NAME } from '../resources/printing/columns.ts';
import { compileJsonPath, type JsonPath } from './json-path.ts';

const AGE: CustomResourceColumnDefinition = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time at which the server created the object.' };

export function customPrinter(given: readonly CustomResourceColumnDefinition[] | undefined): TablePrinter<KubeObject> {
  const columns: { readonly column: TableColumn; readonly path: JsonPath }[] = [];
  for (const one of (given ?? []).length === 0 ? [AGE] : given!) {
    const path = compileJsonPath(one.jsonPath);
    // The columns from the first unsound one on are left out.
    if (path === undefined) break;
    columns.push({
      path, column: {
        name: one.name, type: one.type, format: one.format ?? '', priority: one.priority ?? 0,
        description: one.description ? one.description : `Custom resource definition column (in JSONPath format): ${one.jsonPath}`,
      },
    });
  }
  return {
    columns: [NAME, ...columns.map(({ column }) => column)],
    cells: (object, nowMs) => [object.metadata.name ?? '', ...columns.map(({ column, path }) => cell(column.type, path(object), nowMs))],
    keepsNulls: true,
  };
}

function cell(type: string, found: readonly unknown[] | undefined, nowMs: number): unknown {
  if (found === undefined || found.length === 0) return null;
  const value = found[0];
  if (type === 'string') return text(value);
  switch (type) {
    case 'integer': return typeof value === 'number' || typeof value === 'bigint' ? Math.trunc(Number(value)) : null;
    case 'number': return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
    case 'boolean': return typeof value === 'boolean' ? value : null;
    case 'date': return typeof value === 'string' ? date(value, nowMs) : null;
    default: return null;
  }
}

function text(value: unknown): string {
  if (value === null) return '<no value>';
  if (typeof value === 'object') return encodeAny(value);
  return typeof value === 'number' ? formatFloat(value) : String(value);
}

function date(value: string, nowMs: number): string {
  if (value === '') return '<unknown>';
  try {
    return since(new Date(parseTime(value)).toISOString(), nowMs);
  } catch (error) {
    if (error instanceof TimeError || error instanceof RangeError) return '<invalid>';
    throw error;
  }
}
