/**
 * The object that stands for "nothing yet" when ownership of a created object is worked out: all that is serialised even when empty.
 *
 * This is why a new Deployment owns `f:spec`'s fields but not `.spec` itself: the spec was there before, empty.
 */
import type { JsonObject, JsonValue } from '../patch/json-value.ts';
import type { FieldSchema, SchemaResolver } from '../schema/model.ts';

/** @param typeName `core/v1.Pod`. The result is new and the caller's. */
export function emptyObject(typeName: string, resolve: SchemaResolver): JsonObject {
  const object: JsonObject = {};
  for (const field of resolve(typeName)?.fields.values() ?? []) {
    if (field.keep) object[field.name] = emptyValue(field, resolve);
  }
  return object;
}

function emptyValue(field: FieldSchema, resolve: SchemaResolver): JsonValue {
  const { type } = field;
  if (field.pointer || type.kind === 'list' || type.kind === 'map') return null;
  if (type.kind === 'ref') return emptyObject(type.name, resolve);
  switch (type.scalar) {
    case 'string': return '';
    case 'Quantity': return '0';
    case 'bool': return false;
    case 'int32': case 'int64': case 'double': case 'IntOrString': return 0;
    default: return null;
  }
}
