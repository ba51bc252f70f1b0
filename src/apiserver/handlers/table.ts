/** Objects as rows of a Table, as `kubectl get` shows them. */
import { validateTableOptions } from '#machinery/validation/request-options';
import type { KubeObject, ListMeta } from '#machinery/meta';
import { fieldErrorText } from '#machinery/field-error';
import { newBadRequest } from '#machinery/status-error';
import { rfc3339 } from '#base/clock';
import type { RequestContext } from '../context.ts';
import type { ServedResource } from '../served-resource.ts';
import type { TablePrinter } from '../resources/definition.ts';

export type IncludeObject = '' | 'None' | 'Metadata' | 'Object';

/** For kinds without columns of their own. */
const DEFAULT_PRINTER: TablePrinter<KubeObject> = {
  columns: [
    { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names' },
    { name: 'Created At', type: 'date', description: 'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata' },
  ],
  cells: (object) => [object.metadata.name ?? '', object.metadata.creationTimestamp ?? rfc3339(0)],
};

/** @throws StatusError 400 */
export function includeObject(context: RequestContext): IncludeObject {
  const wanted = context.info.query.get('includeObject') ?? '';
  const [fault] = validateTableOptions(wanted);
  if (fault !== undefined) throw newBadRequest(`Unable to convert to Table as requested: ${fieldErrorText(fault)}`);
  return wanted as IncludeObject;
}

export function printerOf(served: ServedResource): TablePrinter<KubeObject> {
  return served.definition.table ?? DEFAULT_PRINTER;
}

export function columnDefinitions(served: ServedResource): unknown[] {
  return printerOf(served).columns.map((column) => ({
    name: column.name, type: column.type, format: column.format ?? '', description: column.description, priority: column.priority ?? 0,
  }));
}

/** @param object of the served version, with its kind. */
export function tableRow(served: ServedResource, object: KubeObject, include: IncludeObject, nowMs: number): unknown {
  const printer = printerOf(served);
  const conditions = printer.conditions?.(object) ?? [];
  const shown = include === 'Object' ? object : include === 'None' ? null : partialMetadata(object);
  return { cells: printer.cells(object, nowMs), ...(conditions.length > 0 ? { conditions } : {}), object: shown };
}

export function table(served: ServedResource, rows: unknown[], metadata: ListMeta, withColumns = true): Record<string, unknown> {
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: withColumns ? columnDefinitions(served) : null, rows };
}

export function partialMetadata(object: KubeObject): Record<string, unknown> {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
