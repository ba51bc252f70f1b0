/**
 * Objects, lists and watch events as Tables, for clients that print (`Accept: …;as=Table`).
 *
 * In a watch only the first event carries the columns; later ones have `columnDefinitions: null`. A bookmark is an object with
 * nothing but a resource version, and becomes a row like any other. Rows are made one by one, so that long lists can be streamed.
 */
import type { KubeObject, ListMeta } from '#machinery/meta';
import { newBadRequest } from '#machinery/status-error';
import { quote } from '#machinery/go-print';
import type { TableColumn, TablePrinter } from '../definition.ts';

/** How much of the object comes with each row; '' is Metadata. */
export type IncludeObject = '' | 'None' | 'Metadata' | 'Object';

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  readonly object: KubeObject | null;
}

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: ListMeta;
  readonly columnDefinitions: readonly Required<TableColumn>[] | null;
  readonly rows: readonly TableRow[];
}

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** @param value of `includeObject`; null where there is none. @throws StatusError 400 */
export function parseIncludeObject(value: string | null): IncludeObject {
  if (value === null || value === '' || value === 'None' || value === 'Metadata' || value === 'Object') return value ?? '';
  throw newBadRequest(`Unable to convert to Table as requested: includeObject: Invalid value: ${quote(value)}: must be 'Metadata', 'Object', 'None', or empty`);
}

/** @param withColumns false for all but the first event of a watch. */
export function tableOf(printer: TablePrinter<KubeObject>, rows: readonly TableRow[], metadata: ListMeta, withColumns = true): Table {
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: withColumns ? columnDefinitions(printer) : null, rows };
}

const definitions = new WeakMap<TablePrinter<KubeObject>, readonly Required<TableColumn>[]>();

export function columnDefinitions(printer: TablePrinter<KubeObject>): readonly Required<TableColumn>[] {
  let columns = definitions.get(printer);
  if (columns === undefined) {
    columns = printer.columns.map(({ name, type, format = '', description, priority = 0 }) => ({ name, type, format, description, priority }));
    definitions.set(printer, columns);
  }
  return columns;
}

/**
 * @param shown the object in the version asked for, with its kind.
 * @param printed the same in the version its printer reads.
 */
export function tableRow(printer: TablePrinter<KubeObject>, shown: KubeObject, include: IncludeObject, nowMs: number, printed = shown): TableRow {
  const conditions = printer.conditions?.(printed) ?? [];
  return {
    cells: printer.keepsNulls === true ? printer.cells(printed, nowMs) : printer.cells(printed, nowMs).map((cell) => cell ?? ''), ...(conditions.length === 0 ? {} : { conditions }),
    object: rowObject(shown, include),
  };
}

function rowObject(object: KubeObject, include: IncludeObject): KubeObject | null {
  if (include === 'Object') return object;
  const endsInitialEvents = object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true';
  return include === 'None' && !endsInitialEvents ? null : partialMetadata(object);
}

/** The object's metadata alone. */
export function partialMetadata(object: KubeObject): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
