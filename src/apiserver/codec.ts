/** The codecs of the built-in types: one serializer for the whole server. */
import { resolveType, typeForKind } from '#api/registry';
import { Serializer } from '#machinery/codec/serializer';
import { TypePlans, type TypePlan } from '#machinery/codec/type-plan';

export const serializer = new Serializer({ resolveType, typeForKind });
const plans = new TypePlans(resolveType);

/** The codec's plan of a built-in type such as `core/v1.Pod`. */
export function planOf(typeName: string): TypePlan {
  return plans.of(resolveType(typeName)!);
}
