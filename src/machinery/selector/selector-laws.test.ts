/** Laws of selectors over generated ones and over arbitrary text. A failure prints seed and path. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeFieldValue, fieldsMatch, formatFieldSelector, parseFieldSelector } from './field-selector.ts';
import { formatLabelSelector, labelsMatch, labelSelectorFromMap, labelSelectorOf, parseLabelSelector } from './label-selector.ts';

const SETTINGS = { seed: 36, numRuns: 1_500, includeErrorInReport: true };
const key = fc.constantFrom<string>('a', 'b', 'app.example.com/name', 'in', 'notin', 'x_Y.z');
const value = fc.constantFrom<string>('', 'x', 'y', '5', '10', 'in', 'A.b_c');
const labels = fc.dictionary(key, value, { maxKeys: 4 });

interface Term { readonly key: string; readonly operator: string; readonly values: string[] }
const term = fc.oneof<fc.Arbitrary<Term>[]>(
  fc.record({ key, operator: fc.constantFrom<string>('=', '==', '!='), values: fc.array(value, { minLength: 1, maxLength: 1 }) }),
  fc.record({ key, operator: fc.constantFrom<string>('in', 'notin'), values: fc.array(value, { minLength: 1, maxLength: 3 }) }),
  fc.record({ key, operator: fc.constantFrom<string>('', '!'), values: fc.constant<string[]>([]) }),
  fc.record({ key, operator: fc.constantFrom<string>('>', '<'), values: fc.tuple(fc.constantFrom<string>('5', '7', '10')) }),
);

const spaces = fc.constantFrom('', ' ', '  ');
const written = (term_: Term, space: string): string => {
  const { key: name, operator, values } = term_;
  if (operator === '' || operator === '!') return `${operator}${space}${name}`;
  if (operator === 'in' || operator === 'notin') return `${name} ${operator} (${values.join(`${space},${space}`)})`;
  return `${name}${space}${operator}${space}${values[0]}`;
};

/** What the API documents. */
function termMatches({ key: name, operator, values }: Term, given: Readonly<Record<string, string>>): boolean {
  const has = Object.hasOwn(given, name);
  const there = given[name] ?? '';
  switch (operator) {
    case '=': case '==': case 'in': return has && values.includes(there);
    case '!=': case 'notin': return !has || !values.includes(there);
    case '': return has;
    case '!': return !has;
    default: return has && /^-?\d+$/.test(there) && (operator === '>' ? Number(there) > Number(values[0]) : Number(there) < Number(values[0]));
  }
}

test('label selectors: match as documented, however they are spaced', () => {
  fc.assert(fc.property(fc.array(fc.tuple(term, spaces), { minLength: 1, maxLength: 4 }), labels, (terms, given) => {
    const requirements = parseLabelSelector(terms.map(([one, space]) => written(one, space)).join(','));
    assert.equal(labelsMatch(requirements, given), terms.every(([one]) => termMatches(one, given)));
  }), SETTINGS);
});

test('label selectors: their text is read back as the same', () => {
  fc.assert(fc.property(fc.array(fc.tuple(term, spaces), { maxLength: 4 }), labels, (terms, given) => {
    const requirements = parseLabelSelector(terms.map(([one, space]) => written(one, space)).join(','));
    const text = formatLabelSelector(requirements);
    const again = parseLabelSelector(text);
    assert.equal(formatLabelSelector(again), text);
    assert.equal(labelsMatch(again, given), labelsMatch(requirements, given));
  }), SETTINGS);
});

test('label selectors: objects and text mean the same', () => {
  const operators: Readonly<Record<string, string>> = { in: 'In', notin: 'NotIn', '': 'Exists', '!': 'DoesNotExist' };
  const expressions = fc.array(term.filter(({ operator }) => operator in operators), { maxLength: 3 });
  fc.assert(fc.property(fc.dictionary(key, value, { maxKeys: 2 }), expressions, labels, (matchLabels, terms, given) => {
    const requirements = labelSelectorOf({ matchLabels, matchExpressions: terms.map(({ key: name, operator, values }) => ({ key: name, operator: operators[operator]!, values })) });
    const expected = Object.entries(matchLabels).every(([name, wanted]) => given[name] === wanted) && terms.every((one) => termMatches(one, given));
    assert.equal(labelsMatch(requirements, given), expected);
    assert.equal(labelsMatch(labelSelectorFromMap(matchLabels), given), Object.entries(matchLabels).every(([name, wanted]) => given[name] === wanted));
  }), SETTINGS);
});

test('field selectors: any value can be asked for, and its text is read back', () => {
  const name = fc.constantFrom('metadata.name', 'spec.nodeName', 'status.phase');
  const any = fc.string({ maxLength: 8 });
  fc.assert(fc.property(fc.array(fc.record({ name, wanted: any, not: fc.boolean() }), { minLength: 1, maxLength: 3 }), fc.dictionary(name, any), (terms, given) => {
    const requirements = parseFieldSelector(terms.map(({ name: field, wanted, not }) => `${field}${not ? '!=' : '='}${escapeFieldValue(wanted)}`).join(','));
    const matches = (all: typeof requirements): boolean => fieldsMatch(all, (field) => given[field] ?? '');
    assert.equal(matches(requirements), terms.every(({ name: field, wanted, not }) => ((given[field] ?? '') === wanted) !== not));
    assert.equal(matches(parseFieldSelector(formatFieldSelector(requirements))), matches(requirements));
  }), SETTINGS);
});

test('selectors: any text is read or refused, at once', () => {
  const noise = fc.oneof(fc.string({ maxLength: 30 }), fc.array(fc.constantFrom('a', 'in', 'notin', '(', ')', ',', '=', '!', '<', '>', ' ', '/', '.', '\\', '-'), { maxLength: 15 }).map((parts) => parts.join('')));
  fc.assert(fc.property(noise, (text) => {
    for (const read of [(): string => formatLabelSelector(parseLabelSelector(text)), (): string => formatFieldSelector(parseFieldSelector(text))]) {
      try {
        read();
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError), String(error));
      }
    }
  }), { ...SETTINGS, numRuns: 4_000 });
});
