/** The codecs of the built-in types: one serializer for the whole server. */
import { keepsEmptyLists, resolveType, typeForKind } from '#api/registry';
import { Serializer } from '#machinery/codec/serializer';
import { TypePlans, type TypePlan } from '#machinery/codec/type-plan';

export const serializer = new Serializer({ resolveType, typeForKind, keepsEmptyLists });
const plans = new TypePlans(resolveType, keepsEmptyLists);

/** The codec's plan of a built-in type such as `core/v1.Pod`. */
export function planOf(typeName: string): TypePlan {
  return plans.of(resolveType(typeName)!);
}
