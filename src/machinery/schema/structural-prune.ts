/**
 * Drops the fields of a custom resource that its schema does not know. Changes the value.
 *
 * What stands in an embedded resource's metadata, kind and apiVersion is left to whoever knows those.
 */
import { additionalOf, asResource, isMap, propertyOf, RESOURCE_KEYS, type JsonMap, type Structural } from './structural.ts';

/** @returns the paths of what was dropped, sorted: `spec.list[0].zz`. */
export function pruneResource(object: JsonMap, schema: Structural | undefined): string[] {
  return pruneValue(object, asResource(schema));
}

/** The same for a value inside a resource, such as a default. */
export function pruneValue(value: unknown, schema: Structural | undefined): string[] {
  const dropped: string[] = [];
  prune(value, schema, '', dropped);
  return dropped.sort();
}

function prune(value: unknown, schema: Structural | undefined, path: string, dropped: string[]): void {
  if (schema?.['x-kubernetes-preserve-unknown-fields'] === true) return pruneKnown(value, schema, path, dropped);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) prune(item, schema?.items, `${path}[${index}]`, dropped);
  } else if (isMap(value)) {
    for (const key of Object.keys(value)) {
      if (schema?.['x-kubernetes-embedded-resource'] === true && RESOURCE_KEYS.has(key)) continue;
      const property = propertyOf(schema, key);
      if (property !== undefined) prune(value[key], property, child(path, key), dropped);
      else if (schema?.additionalProperties !== undefined) prune(value[key], additionalOf(schema), child(path, key), dropped);
      else {
        if (!RESOURCE_KEYS.has(key) || path !== '' || schema === undefined) dropped.push(child(path, key));
        delete value[key];
      }
    }
  }
}

/** Unknown fields stay; what is declared is looked into all the same. */
function pruneKnown(value: unknown, schema: Structural | undefined, path: string, dropped: string[]): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) pruneKnown(item, schema.items, `${path}[${index}]`, dropped);
  } else if (isMap(value)) {
    for (const key of Object.keys(value)) {
      if (schema['x-kubernetes-embedded-resource'] === true && RESOURCE_KEYS.has(key)) continue;
      const property = propertyOf(schema, key);
      if (property !== undefined) prune(value[key], property, child(path, key), dropped);
      else if (schema.additionalProperties !== undefined) prune(value[key], additionalOf(schema), child(path, key), dropped);
    }
  }
}

function child(path: string, key: string): string { return path === '' ? key : `${path}.${key}`; }
