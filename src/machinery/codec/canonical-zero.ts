/** Which zero values a decoded object has, and which it leaves out: the same for every media type. */
import type { FieldPlan, TypePlan, ValuePlan } from './type-plan.ts';

const ZERO_SCALARS: Readonly<Record<string, string | number | boolean>> = {
  string: '', bool: false, int32: 0, int64: 0, double: 0, Quantity: '0', IntOrString: 0,
};

/** What an absent value that is no pointer reads as; null for lists, maps and times. */
export function zeroOf(plan: ValuePlan): unknown {
  if (plan.code === 'struct') return zeroStruct(plan.struct());
  return ZERO_SCALARS[plan.code] ?? null;
}

/** What an absent struct that is no pointer looks like. */
export function zeroStruct(plan: TypePlan): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const field of plan.filled) out[field.name] = zeroOf(field.value);
  return out;
}

/** Adds what every object of the type has. */
export function fillZeros(object: Record<string, unknown>, plan: TypePlan): void {
  for (const field of plan.filled) if (object[field.name] === undefined) object[field.name] = zeroOf(field.value);
}

/** Whether a field's value is as good as absent. */
export function isDropped(value: unknown, field: FieldPlan): boolean {
  return field.absentWhenZero && isZero(value, field.value);
}

function isZero(value: unknown, plan: ValuePlan): boolean {
  switch (plan.code) {
    case 'list': return (value as unknown[]).length === 0;
    case 'map': return Object.keys(value as object).length === 0;
    case 'Quantity': return value === '0';
    default: return value === '' || value === 0 || value === false;
  }
}
