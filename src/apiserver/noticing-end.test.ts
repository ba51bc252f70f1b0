import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { discard, noticingEnd } from './noticing-end.ts';

async function* pieces(log: string[], fail = false): AsyncGenerator<Buffer> {
  try {
    yield Buffer.from('a');
    if (fail) throw new Error('lost');
    yield Buffer.from('b');
  } finally {
    log.push('closed');
  }
}

describe('the end of a streamed body is noticed', () => {
  test('when it was read to its end', async () => {
    const log: string[] = [];
    let text = '';
    for await (const piece of noticingEnd(pieces(log), () => log.push('ended'))) text += piece;
    assert.deepEqual([text, log], ['ab', ['closed', 'ended']]);
  });

  test('when it fails', async () => {
    const log: string[] = [];
    await assert.rejects(async () => { for await (const _ of noticingEnd(pieces(log, true), () => log.push('ended'))); }, /lost/);
    assert.deepEqual(log, ['closed', 'ended']);
  });

  test('when the reader leaves', async () => {
    const log: string[] = [];
    for await (const _ of noticingEnd(pieces(log), () => log.push('ended'))) break;
    assert.deepEqual(log, ['ended', 'closed']);
  });

  test('when nobody begins to read', async () => {
    const log: string[] = [];
    await discard(noticingEnd(pieces(log), () => log.push('ended')));
    assert.deepEqual(log, ['ended']);
  });
});
