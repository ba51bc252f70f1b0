/**
 * Resource quantities and semantic versions.
 */
import {
  addQuantities, approximateNumber, compareQuantities, newQuantity, parseQuantity, quantitySign, scaledValue, subtractQuantities, type Quantity,
} from '../../quantity.ts';
import { overload, type Library } from '../declaration.ts';
import { parseVersion, type Version } from '../version.ts';
import { QUANTITY, SEMVER } from '../type.ts';
import { Failure, Opaque, type Value } from '../value.ts';

type Q = Opaque<Quantity>;
type V = Opaque<Version>;

function attempt<T>(make: () => T): T | Failure {
  try {
    return make();
  } catch (error) {
    return new Failure((error as Error).message);
  }
}

const quantity = (text: string): Q | Failure => attempt(() => new Opaque(QUANTITY, parseQuantity(text)));

/** undefined for a fraction or what does not fit 64 bits. */
function wholeNumber({ content }: Q): bigint | undefined {
  const whole = scaledValue(content, 0);
  const fits = whole < 2n ** 63n && whole >= -(2n ** 63n);
  return fits && compareQuantities(newQuantity(whole), content) === 0 ? whole : undefined;
}

const combine = (run: (a: Quantity, b: Quantity) => Quantity) => ([a, b]: [Q, Q]): Value | Failure => attempt(() => new Opaque(QUANTITY, run(a.content, b.content)));
const combineInt = (run: (a: Quantity, b: Quantity) => Quantity) => ([a, b]: [Q, bigint]): Value | Failure => attempt(() => new Opaque(QUANTITY, run(a.content, newQuantity(b, 'DecimalExponent'))));
const order = ([a, b]: [Q, Q]): number => compareQuantities(a.content, b.content);

export const QUANTITIES: Library = [
  overload('string_to_quantity', 'quantity(string): kubernetes.Quantity', ([text]: [string]) => quantity(text)),
  overload('is_quantity_string', 'isQuantity(string): bool', ([text]: [string]) => !(quantity(text) instanceof Failure)),
  overload('quantity_sign', 'sign(kubernetes.Quantity): int', ([a]: [Q]) => BigInt(quantitySign(a.content))),
  overload('quantity_is_greater_than', '(kubernetes.Quantity).isGreaterThan(kubernetes.Quantity): bool', (args: [Q, Q]) => order(args) > 0),
  overload('quantity_is_less_than', '(kubernetes.Quantity).isLessThan(kubernetes.Quantity): bool', (args: [Q, Q]) => order(args) < 0),
  overload('quantity_compare_to', '(kubernetes.Quantity).compareTo(kubernetes.Quantity): int', (args: [Q, Q]) => BigInt(Math.sign(order(args)))),
  overload('quantity_get_float', '(kubernetes.Quantity).asApproximateFloat(): double', ([a]: [Q]) => approximateNumber(a.content)),
  overload('quantity_get_int', '(kubernetes.Quantity).asInteger(): int', ([a]: [Q]) => wholeNumber(a) ?? new Failure('cannot convert value to integer')),
  overload('quantity_is_integer', '(kubernetes.Quantity).isInteger(): bool', ([a]: [Q]) => wholeNumber(a) !== undefined),
  overload('quantity_add', '(kubernetes.Quantity).add(kubernetes.Quantity): kubernetes.Quantity', combine(addQuantities)),
  overload('quantity_add_int', '(kubernetes.Quantity).add(int): kubernetes.Quantity', combineInt(addQuantities)),
  overload('quantity_sub', '(kubernetes.Quantity).sub(kubernetes.Quantity): kubernetes.Quantity', combine(subtractQuantities)),
  overload('quantity_sub_int', '(kubernetes.Quantity).sub(int): kubernetes.Quantity', combineInt(subtractQuantities)),
];

const version = (text: string, normalize: boolean): V | Failure => {
  const parsed = parseVersion(text, normalize);
  return parsed instanceof Failure ? parsed : new Opaque(SEMVER, parsed);
};
const versionOrder = ([a, b]: [V, V]): number => a.content.compare(b.content);

export const VERSIONS: Library = [
  overload('string_to_semver', 'semver(string): kubernetes.Semver', ([text]: [string]) => version(text, false)),
  overload('string_bool_to_semver', 'semver(string, bool): kubernetes.Semver', ([text, normalize]: [string, boolean]) => version(text, normalize)),
  overload('is_semver_string', 'isSemver(string): bool', ([text]: [string]) => !(version(text, false) instanceof Failure)),
  overload('is_semver_string_bool', 'isSemver(string, bool): bool', ([text, normalize]: [string, boolean]) => !(version(text, normalize) instanceof Failure)),
  overload('semver_is_greater_than', '(kubernetes.Semver).isGreaterThan(kubernetes.Semver): bool', (args: [V, V]) => versionOrder(args) > 0),
  overload('semver_is_less_than', '(kubernetes.Semver).isLessThan(kubernetes.Semver): bool', (args: [V, V]) => versionOrder(args) < 0),
  overload('semver_compare_to', '(kubernetes.Semver).compareTo(kubernetes.Semver): int', (args: [V, V]) => BigInt(versionOrder(args))),
  overload('semver_major', '(kubernetes.Semver).major(): int', ([a]: [V]) => a.content.numbers[0]),
  overload('semver_minor', '(kubernetes.Semver).minor(): int', ([a]: [V]) => a.content.numbers[1]),
  overload('semver_patch', '(kubernetes.Semver).patch(): int', ([a]: [V]) => a.content.numbers[2]),
];
