/** Fills the defaults of a structural schema in, and drops nulls where neither null nor a default may stand. Changes the value. */
import { additionalOf, childSchema, isMap, propertyOf, type Structural } from './structural.ts';

/** A null that may stay, or that a default will replace, stays. */
export function dropNulls(value: unknown, schema: Structural | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, schema?.items);
  } else if (isMap(value)) {
    for (const key of Object.keys(value)) {
      const below = childSchema(schema, key);
      if (isForbiddenNull(value[key], below) && !hasDefault(below)) delete value[key];
      else dropNulls(value[key], below);
    }
  }
}

export function applyDefaults(value: unknown, schema: Structural | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (isForbiddenNull(item, schema.items)) value[index] = defaultOf(schema.items);
      applyDefaults(value[index], schema.items);
    }
  } else if (isMap(value)) {
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      if (!hasDefault(property)) continue;
      if (!Object.hasOwn(value, key) || isForbiddenNull(value[key], property)) value[key] = defaultOf(property);
    }
    const more = additionalOf(schema);
    for (const key of Object.keys(value)) {
      const property = propertyOf(schema, key);
      if (property !== undefined) applyDefaults(value[key], property);
      else if (more !== undefined) {
        if (isForbiddenNull(value[key], more)) value[key] = defaultOf(more);
        applyDefaults(value[key], more);
      }
    }
  }
}

function isForbiddenNull(value: unknown, schema: Structural | undefined): boolean {
  return value === null && schema !== undefined && schema.nullable !== true;
}

function hasDefault(schema: Structural | undefined): boolean {
  return schema?.default !== undefined && schema.default !== null;
}

function defaultOf(schema: Structural | undefined): unknown {
  return hasDefault(schema) ? structuredClone(schema!.default) : null;
}
