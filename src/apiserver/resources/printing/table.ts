/**
 * An object, a list or a watch event as a Table, for clients that print (`Accept: …;as=Table`).
 *
 * In a watch only the first event carries the columns; later ones have `columnDefinitions: null`. A bookmark is an object with
 * nothing but a resource version, and becomes a row like any other.
 */
import type { KubeObject, ListMeta } from '#machinery/meta';
import { newBadRequest } from '#machinery/status-error';
import { quote } from '#machinery/go-print';
import type { TableColumn, TablePrinter } from '../definition.ts';
import { defaultPrinter } from './table-printers.ts';

/** How much of the object comes with each row. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  readonly object: KubeObject | null;
}

export interface Table {
  readonly kind: 'Table';
  /** `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`. */
  readonly apiVersion: string;
  readonly metadata: ListMeta;
  readonly columnDefinitions: readonly Required<TableColumn>[] | null;
  readonly rows: readonly TableRow[] | null;
}

export interface TableOptions {
  readonly printer: TablePrinter<KubeObject>;
  readonly includeObject: IncludeObject;
  /** Of the meta group, as asked for: `v1` or `v1beta1`. */
  readonly metaVersion: string;
  readonly nowMs: number;
  /** Kind and apiVersion of the rows' objects, as the request's version shows them. */
  readonly objectType: { readonly kind: string; readonly apiVersion: string };
  /** No columns: for all but the first event of a watch, and for `noHeaders`. */
  readonly noHeaders?: boolean;
  /** Where the object shown differs from the one the printer reads: the object in the request's version. */
  readonly asRequested?: (object: KubeObject) => KubeObject;
}

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** @param value of `includeObject`; null where there is none. @throws StatusError 400 */
export function parseIncludeObject(value: string | null): IncludeObject {
  if (value === null || value === '') return 'Metadata';
  if (value === 'Metadata' || value === 'Object' || value === 'None') return value;
  throw newBadRequest(`Unable to convert to Table as requested: includeObject: Invalid value: ${quote(value)}: must be 'Metadata', 'Object', 'None', or empty`);
}

/** One object, or the object of one watch event. */
export function tableOfObject(object: KubeObject, options: TableOptions): Table {
  const { resourceVersion } = object.metadata;
  return table(resourceVersion === undefined ? {} : { resourceVersion }, [tableRow(object, options)], options);
}

export function tableOfList(metadata: ListMeta, items: readonly KubeObject[], options: TableOptions): Table {
  const rows = items.map((item) => tableRow(item, options));
  // Upstream's default table of an empty list has null, not an empty list.
  return table(metadata, rows.length === 0 && options.printer === defaultPrinter ? null : rows, options);
}

function table(metadata: ListMeta, rows: readonly TableRow[] | null, options: TableOptions): Table {
  return {
    kind: 'Table', apiVersion: `meta.k8s.io/${options.metaVersion}`, metadata,
    columnDefinitions: options.noHeaders === true ? null : columnDefinitions(options.printer), rows,
  };
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

export function tableRow(object: KubeObject, options: TableOptions): TableRow {
  const { printer, nowMs } = options;
  const conditions = printer.conditions?.(object) ?? [];
  return {
    cells: printer.cells(object, nowMs).map((cell) => cell ?? ''), ...(conditions.length === 0 ? {} : { conditions }),
    object: rowObject(object, options),
  };
}

function rowObject(object: KubeObject, { includeObject, metaVersion, objectType, asRequested }: TableOptions): KubeObject | null {
  if (includeObject === 'Object') {
    const { kind: _kind, apiVersion: _apiVersion, ...rest } = asRequested?.(object) ?? object;
    return { ...objectType, ...rest };
  }
  const endsInitialEvents = object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true';
  if (includeObject === 'None' && !endsInitialEvents) return null;
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata: object.metadata };
}
