import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lines, watchFrames } from './watch-stream.ts';

async function* from(...texts: string[]): AsyncGenerator<Buffer> { for (const text of texts) yield Buffer.from(text); }
async function all<T>(items: AsyncIterable<T>): Promise<T[]> { const list: T[] = []; for await (const item of items) list.push(item); return list; }

const CASES: [name: string, pieces: string[], expect: string[]][] = [
  ['one frame a piece', ['a\n', 'b\n'], ['a', 'b']],
  ['several in a piece', ['a\nb\nc\n'], ['a', 'b', 'c']],
  ['a frame over pieces', ['ab', 'cd', 'e\nf', '\n'], ['abcde', 'f']],
  ['empty lines', ['\n\na\n\n'], ['a']],
  ['no last newline', ['a\nb'], ['a', 'b']],
];
for (const [name, pieces, expect] of CASES) {
  test(`lines: ${name}`, async () => { assert.deepEqual((await all(lines(from(...pieces)))).map(String), expect); });
}

test('a frame that was cut off ends the watch', async () => {
  const frames = await all(watchFrames(from('{"type":"ADDED","object":{}}\n{"type":"MODI')));
  assert.deepEqual(frames.map((frame) => frame.type), ['ADDED']);
});

test('a large frame in many pieces is decoded in linear time', async () => {
  const text = 'x'.repeat(1024);
  const pieces = ['{"type":"ADDED","object":"', ...Array.from({ length: 8192 }, () => text), '"}\n'];
  const frames = await all(watchFrames(from(...pieces)));
  assert.equal((frames[0]!.object as string).length, 8192 * 1024);
});
