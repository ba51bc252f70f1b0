/** The codecs of the built-in types: one serializer for the whole server. */
import { keepsEmptyLists, resolveType, typeForKind } from '#api/registry';
import { Serializer } from '#machinery/codec/serializer';
import { TypePlans, type TypePlan } from '#machinery/codec/type-plan';

export const serializer = new Serializer({ resolveType, typeForKind });
const plans = new TypePlans(resolveType);
/** What is stored has no empty lists where upstream stores protobuf; until then an object has what its sender wrote. */
const storedPlans = new TypePlans(resolveType, keepsEmptyLists);

/** The codec's plan of a built-in type such as `core/v1.Pod`. */
export function planOf(typeName: string): TypePlan {
  return plans.of(resolveType(typeName)!);
}

export function storedPlanOf(typeName: string): TypePlan {
  return storedPlans.of(resolveType(typeName)!);
}
