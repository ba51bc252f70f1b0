/** What a request for a Table asks for, and which printer the objects of a resource have. */
import type { KubeObject, ListMeta } from '#machinery/meta';
import type { RequestContext } from '../context.ts';
import type { ServedResource } from '../served-resource.ts';
import type { TablePrinter } from '../resources/definition.ts';
import { columnDefinitions as columnsOf, parseIncludeObject, tableOf, tableRow as rowOf, type IncludeObject, type Table, type TableRow } from '../resources/printing/table.ts';
import { defaultPrinter, tablePrinterOf } from '../resources/printing/table-printers.ts';

export { partialMetadata } from '../resources/printing/table.ts';

/** @throws StatusError 400 */
export function includeObject(context: RequestContext): IncludeObject {
  return parseIncludeObject(context.info.query.get('includeObject'));
}

/** @param kind of the object: a Scale is printed as such, whatever it scales. */
function printerOf(served: ServedResource, kind: string | undefined): TablePrinter<KubeObject> {
  const { group, resource } = served.info;
  if (kind === 'Scale') return tablePrinterOf('autoscaling', 'scales');
  return served.definition.table ?? (served.custom ? defaultPrinter : tablePrinterOf(group, resource));
}

export function columnDefinitions(served: ServedResource): readonly unknown[] {
  return columnsOf(printerOf(served, undefined));
}

/** @param object of the served version, with its kind. Printers read the stored one. */
export function tableRow(served: ServedResource, object: KubeObject, include: IncludeObject, nowMs: number): TableRow {
  const printed = served.conversion === undefined || object.kind === 'Scale' ? object : served.conversion.toStored(structuredClone(object));
  return rowOf(printerOf(served, object.kind), object, include, nowMs, printed);
}

/** @param kind of the objects, where it is not the resource's. */
export function table(served: ServedResource, rows: readonly TableRow[], metadata: ListMeta, withColumns = true, kind?: string): Table {
  return tableOf(printerOf(served, kind), rows, metadata, withColumns);
}
