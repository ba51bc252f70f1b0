/** The serializer of all built-in types. */
import { Serializer } from '#machinery/codec/serializer';
import { resolveType, typeForKind } from './registry.ts';

export const builtinSerializer = new Serializer({ resolveType, typeForKind });
