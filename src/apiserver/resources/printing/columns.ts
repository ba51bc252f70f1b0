/**
 * Columns that many kinds share, and how one is written down.
 */
import type { TableColumn } from '../definition.ts';

export const NAME: TableColumn = { name: 'Name', type: 'string', format: 'name', description: 'Name of the object, unique among its kind in its namespace.' };
export const AGE: TableColumn = { name: 'Age', type: 'string', description: 'Time since the server created the object.' };

export function column(name: string, type: 'string' | 'integer' | 'boolean' | 'date', description: string): TableColumn {
  return { name, type, description };
}

/** A column of `-o wide`. */
export function wideColumn(name: string, type: 'string' | 'integer', description: string): TableColumn {
  return { name, type, description, priority: 1 };
}

export const CONTAINERS = wideColumn('Containers', 'string', 'Names of each container in the template.');
export const IMAGES = wideColumn('Images', 'string', 'Images referenced by each container in the template.');
export const SELECTOR = wideColumn('Selector', 'string', 'Which pods belong to this object, by their labels.');
