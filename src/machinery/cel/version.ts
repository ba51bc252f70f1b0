/**
 * Semantic versions 2.0.0: read strictly, or with the usual liberties (`v1.2`); ordered, build metadata aside.
 */
import { Failure } from './value.ts';

type Numbers = readonly [bigint, bigint, bigint];

export class Version {
  readonly numbers: Numbers;
  readonly #prerelease: readonly string[];

  constructor(numbers: Numbers, prerelease: readonly string[]) {
    this.numbers = numbers;
    this.#prerelease = prerelease;
  }

  compare(other: Version): number {
    for (const [index, number] of this.numbers.entries()) {
      if (number !== other.numbers[index]) return number < other.numbers[index]! ? -1 : 1;
    }
    const [a, b] = [this.#prerelease, other.#prerelease];
    if (a.length === 0 || b.length === 0) return Math.sign(Number(a.length === 0) - Number(b.length === 0));
    for (let index = 0; index < Math.min(a.length, b.length); index++) {
      const order = compareIdentifiers(a[index]!, b[index]!);
      if (order !== 0) return order;
    }
    return Math.sign(a.length - b.length);
  }
}

function compareIdentifiers(a: string, b: string): number {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left !== right) return left ? -1 : 1;
  if (left) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
  return a < b ? -1 : a > b ? 1 : 0;
}

const NUMBER_MAX = 2n ** 64n - 1n;

export function parseVersion(text: string, normalize: boolean): Version | Failure {
  const normal = normalize ? normalized(text) : text;
  return normal instanceof Failure ? normal : strict(normal);
}

function splitLimited(text: string, limit: number): string[] {
  const parts = text.split('.');
  return parts.length <= limit ? parts : [...parts.slice(0, limit - 1), parts.slice(limit - 1).join('.')];
}

function normalized(text: string): string | Failure {
  const parts = splitLimited(text.replace(/^v/, ''), 3).map((part) => (part.length > 1 ? part.replace(/^0+/, '').replace(/^(?!\d)/, '0') : part));
  if (parts.length < 3 && /[+-]/.test(parts.at(-1)!)) return new Failure('short version cannot contain PreRelease/Build meta data');
  while (parts.length < 3) parts.push('0');
  return parts.join('.');
}

function strict(text: string): Version | Failure {
  if (text === '') return new Failure('Version string empty');
  const parts = splitLimited(text, 3);
  if (parts.length !== 3) return new Failure('No Major.Minor.Patch elements found');
  const [patch, prerelease, build] = tail(parts[2]!);
  const numbers: bigint[] = [];
  for (const [index, part] of [parts[0]!, parts[1]!, patch].entries()) {
    const number = versionNumber(part, ['major', 'minor', 'patch'][index]!);
    if (number instanceof Failure) return number;
    numbers.push(number);
  }
  for (const identifier of prerelease) {
    if (identifier === '') return new Failure('Prerelease is empty');
    if (/^0\d+$/.test(identifier)) return new Failure(`Numeric PreRelease version must not contain leading zeroes "${identifier}"`);
    if (!/^[0-9A-Za-z-]+$/.test(identifier)) return new Failure(`Invalid character(s) found in prerelease "${identifier}"`);
  }
  for (const identifier of build) {
    if (identifier === '') return new Failure('Build meta data is empty');
    if (!/^[0-9A-Za-z-]+$/.test(identifier)) return new Failure(`Invalid character(s) found in build meta data "${identifier}"`);
  }
  return new Version(numbers as unknown as Numbers, prerelease);
}

function tail(text: string): readonly [patch: string, prerelease: readonly string[], build: readonly string[]] {
  const plus = text.indexOf('+');
  const build = plus === -1 ? [] : text.slice(plus + 1).split('.');
  const rest = plus === -1 ? text : text.slice(0, plus);
  const dash = rest.indexOf('-');
  return [dash === -1 ? rest : rest.slice(0, dash), dash === -1 ? [] : rest.slice(dash + 1).split('.'), build];
}

function versionNumber(text: string, name: string): bigint | Failure {
  const capital = name[0]!.toUpperCase() + name.slice(1);
  if (!/^\d*$/.test(text)) return new Failure(`Invalid character(s) found in ${name} number "${text}"`);
  if (text.length > 1 && text.startsWith('0')) return new Failure(`${capital} number must not contain leading zeroes "${text}"`);
  if (text === '') return new Failure('strconv.ParseUint: parsing "": invalid syntax');
  return BigInt(text) > NUMBER_MAX ? new Failure(`strconv.ParseUint: parsing "${text}": value out of range`) : BigInt(text);
}
