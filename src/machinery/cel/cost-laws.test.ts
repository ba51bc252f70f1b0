/**
 * No expression, of whatever shape, costs more than it may or than was estimated, nor does any text take the parser's time.
 * A failure prints seed and path.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileExpression } from './compile.ts';
import { dataValue } from './data.ts';
import { declaredType, type SchemaNode } from './declared-type.ts';
import { buildEnvironment } from './environment.ts';

const SETTINGS = { seed: 36, numRuns: 600, includeErrorInReport: true };
const COST_MAX = 20_000;
/** Of the processor; an expression within its cost takes a hundredth of it. */
const MILLISECONDS_MAX = 1_000;
const WORDS_MAX = 40;
const SCHEMA: SchemaNode = {
  type: 'object',
  properties: {
    n: { type: 'integer' }, s: { type: 'string', maxLength: WORDS_MAX }, list: { type: 'array', maxItems: 30, items: { type: 'integer' } },
    words: { type: 'array', maxItems: 10, items: { type: 'string', maxLength: WORDS_MAX } }, map: { type: 'object', maxProperties: 5, additionalProperties: { type: 'string', maxLength: WORDS_MAX } },
  },
};
const declared = declaredType(SCHEMA, 'selfType1')!;
const environment = buildEnvironment([{ name: 'self', declared }]);
const self = dataValue({
  n: 7, s: 'a'.repeat(WORDS_MAX), list: Array.from({ length: 30 }, (_, i) => i), words: Array.from({ length: 10 }, (_, i) => String(i).repeat(WORDS_MAX)), map: { a: 'x', b: 'y'.repeat(WORDS_MAX) },
}, declared);

const LONG = declaredType({ type: 'object', properties: { long: { type: 'string' }, most: { type: 'string' }, least: { type: 'string' } } }, 'selfType2')!;
const LONG_ENVIRONMENT = buildEnvironment([{ name: 'self', declared: LONG }]);

type Sort = 'int' | 'text' | 'truth' | 'ints' | 'texts';
const made = new Map<string, fc.Arbitrary<string>>();

/** Well-typed expressions; `v1 … vN` are the names that are bound, all of them whole numbers. */
function expression(sort: Sort, depth: number, bound = 0): fc.Arbitrary<string> {
  const id = `${sort} ${depth} ${bound}`;
  let known = made.get(id);
  if (known === undefined) {
    known = fc.oneof(...shapes(sort, depth, bound));
    made.set(id, known);
  }
  return known;
}

function shapes(sort: Sort, depth: number, bound: number): fc.Arbitrary<string>[] {
  const names = Array.from({ length: bound }, (_, i) => `v${i + 1}`);
  const leaves: Readonly<Record<Sort, string[]>> = {
    int: ['0', '3', '-1', 'self.n', 'size(self.s)', 'self.list[2]', ...names], text: ['"a"', '"(a+)+$"', 'self.s', 'self.map["b"]', 'self.words[1]'], truth: ['true', 'has(self.map)', 'self.n > 3'],
    ints: ['self.list', '[1, 2, 3]', '[]'], texts: ['self.words', '["a", "b"]'],
  };
  const leaf = fc.constantFrom(...leaves[sort]);
  if (depth === 0) return [leaf];
  const of = (inner: Sort, more = bound): fc.Arbitrary<string> => expression(inner, depth - 1, more);
  const join = (template: string, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> => fc.tuple(...parts).map((texts) => template.replace(/#(\d)/g, (_, index: string) => texts[Number(index)]!));
  const name = `v${bound + 1}`;
  switch (sort) {
    case 'int': return [leaf, join('(#0 + #1)', of('int'), of('int')), join('(#0 * #1)', of('int'), of('int')), join('size(#0)', of('text')), join('size(#0)', of('ints')), join('(#2 ? #0 : #1)', of('int'), of('int'), of('truth')), join('#0.sum()', of('ints')), join('#0.indexOf(#1)', of('text'), of('text'))];
    case 'text': return [leaf, join('(#0 + #1)', of('text'), of('text')), join('#0.replace(#1, #2)', of('text'), of('text'), of('text')), join('#0.upperAscii()', of('text')), join('string(#0)', of('int')), join('#0.join(#1)', of('texts'), of('text')), join('"%s".format([#0])', of('text')), join('#0.find(#1)', of('text'), of('text'))];
    case 'truth': return [leaf, join('#0 < #1', of('int'), of('int')), join('#0 == #1', of('text'), of('text')), join('#0.contains(#1)', of('text'), of('text')), join('#0.matches(#1)', of('text'), of('text')), join('!(#0)', of('truth')), join('(#0 && #1)', of('truth'), of('truth')), join('(#0 || #1)', of('truth'), of('truth')), join(`#0.all(${name}, #1)`, of('ints'), of('truth', bound + 1)), join(`#0.exists_one(${name}, #1)`, of('ints'), of('truth', bound + 1)), join('(#0 in #1)', of('int'), of('ints'))];
    case 'ints': return [leaf, join('(#0 + #1)', of('ints'), of('ints')), join(`#0.map(${name}, #1)`, of('ints'), of('int', bound + 1)), join(`#0.filter(${name}, #1)`, of('ints'), of('truth', bound + 1)), join('[#0, #1]', of('int'), of('int')), join('#0.sort()', of('ints'))];
    case 'texts': return [leaf, join('#0.split(#1)', of('text'), of('text')), join(`#0.map(${name}, #1)`, of('ints'), of('text', bound + 1)), join('#0.findAll(#1)', of('text'), of('text')), join('(#0 + #1)', of('texts'), of('texts'))];
  }
}

function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

test('typed expressions keep to their cost, and to what was estimated', () => {
  let exceeded = 0;
  let valued = 0;
  fc.assert(fc.property(fc.constantFrom<Sort>('truth', 'text', 'int', 'ints').chain((sort) => expression(sort, 5)), (text) => {
    const spent = processorMs(() => {
      const compiled = compileExpression(text, environment);
      assert.equal(compiled.issues, undefined, `${text}: ${compiled.issues}`);
      if (compiled.program === undefined) return;
      const outcome = compiled.program.evaluate({ self }, { costMax: COST_MAX });
      if (outcome.costExceeded) { exceeded++; return; }
      assert.ok(outcome.cost <= COST_MAX, `${outcome.cost} spent`);
      assert.ok(outcome.cost <= compiled.cost.max, `${outcome.cost} spent, ${compiled.cost.max} estimated: ${text}`);
      if (outcome.error === undefined) valued++;
    });
    assert.ok(spent < MILLISECONDS_MAX, `${spent} ms: ${text.slice(0, 500)}`);
  }), SETTINGS);
  assert.ok(exceeded > 0 && valued > 100, `${exceeded} exceeded, ${valued} had a value`);
});

test('loops in loops end with their budget', () => {
  for (let depth = 1; depth <= 8; depth++) {
    const names = Array.from({ length: depth }, (_, i) => `v${i}`);
    const text = `${names.map((name) => `self.list.all(${name}, `).join('')}${names.join(' + ')} >= 0${')'.repeat(depth)}`;
    const spent = processorMs(() => {
      const compiled = compileExpression(text, environment);
      assert.ok(compiled.program !== undefined, compiled.issues);
      const outcome = compiled.program.evaluate({ self }, { costMax: 1_000_000 });
      assert.equal(outcome.costExceeded, depth >= 4, `${depth} loops: ${outcome.cost}`);
    });
    assert.ok(spent < 4_000, `${depth} loops: ${spent} ms`);
  }
});

test('texts that grow in a loop end with their budget', () => {
  for (const text of ['self.list.map(a, self.list.map(b, self.list.map(c, self.s + self.s + self.s))).size() > 0', '[1].map(a, self.list.map(b, self.s.replace("", self.s).replace("", self.s))).size() > 0', 'self.list.all(a, self.list.all(b, self.s.matches("(a+)+(a+)+(a+)+$")))']) {
    const spent = processorMs(() => {
      const compiled = compileExpression(text, environment);
      assert.ok(compiled.program !== undefined, compiled.issues);
      compiled.program.evaluate({ self }, { costMax: 1_000_000 });
    });
    assert.ok(spent < 5_000, `${text}: ${spent} ms`);
  }
});

test('long texts are searched in the time of their length, from both ends', () => {
  const text = 'a'.repeat(200_000);
  const long = dataValue({ long: text, most: `${'a'.repeat(100_000)}b`, least: `b${'a'.repeat(100_000)}` }, LONG)!;
  for (const expression_ of ['self.long.indexOf(self.most)', 'self.long.indexOf(self.least)', 'self.long.lastIndexOf(self.most)', 'self.long.lastIndexOf(self.least)']) {
    const compiled = compileExpression(`${expression_} < 0`, LONG_ENVIRONMENT);
    const spent = processorMs(() => assert.equal(compiled.program!.evaluate({ self: long }, { costMax: 1_000_000 }).value, true, expression_));
    assert.ok(spent < MILLISECONDS_MAX, `${expression_}: ${spent} ms`);
  }
});

test('what comes out is bounded too', () => {
  const long = dataValue({ long: 'a'.repeat(50_000) }, LONG)!;
  const doubled = `[[1, 2, 3]]${'.map(x, x + x)'.repeat(40)}.size() > 0`;
  for (const expression_ of ['self.long.replace("", self.long).size() > 0', 'self.long.replace("a", self.long).size() > 0', doubled, '"x".matches(self.long.replace("a", "(a+)+"))']) {
    const compiled = compileExpression(expression_, LONG_ENVIRONMENT);
    assert.ok(compiled.program !== undefined, compiled.issues);
    let outcome: ReturnType<typeof compiled.program.evaluate> | undefined;
    const spent = processorMs(() => { outcome = compiled.program.evaluate({ self: long }, { costMax: 20_000 }); });
    assert.deepEqual([outcome!.costExceeded, outcome!.error], [true, 'operation cancelled: actual cost limit exceeded'], expression_.slice(0, 60));
    assert.ok(spent < 4 * MILLISECONDS_MAX, `${expression_.slice(0, 60)}: ${spent} ms`);
  }
});

test('any text is compiled or refused, soon', () => {
  const token = fc.constantFrom('(', ')', '[', ']', '{', '}', '.', '?', ':', ',', '!', '-', '+', '*', '/', '%', '<', '==', '&&', '||', ' in ', 'self', 'x', '1', '1u', '1.5', '"a"', "b'\\x00'", 'r"\\"', 'has(', 'all(x,', '.?', '[?', 'true', 'null', '\n', '//', '"""', '\\');
  const noise = fc.oneof(fc.array(token, { maxLength: 40 }).map((parts) => parts.join('')), fc.string({ maxLength: 40 }),
    fc.tuple(token, fc.nat({ max: 3_000 })).map(([part, count]) => part.repeat(count)), fc.nat({ max: 2_000 }).map((depth) => `${'['.repeat(depth)}1${']'.repeat(depth)}`));
  fc.assert(fc.property(noise, (text) => {
    const spent = processorMs(() => { compileExpression(text, environment).program?.evaluate({ self }, { costMax: COST_MAX }); });
    assert.ok(spent < MILLISECONDS_MAX, `${spent} ms: ${text.slice(0, 200)}`);
  }), SETTINGS);
});
