import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSlots } from './slots.ts';

describe('slots', () => {
  it('lets so many in, lower ranks first, and forgets who gave up', async () => {
    const slots = createSlots(1);
    const order: string[] = [];
    const leave = await slots.enter();
    const give = new AbortController();
    const enter = (name: string, rank: number, signal?: AbortSignal): Promise<void> => slots.enter(rank, signal).then((done) => { order.push(name); done(); });
    const work = [enter('late', 1), enter('first', 0), enter('second', 0)];
    const gone = enter('gone', 0, give.signal);
    give.abort(new Error('gave up'));
    await assert.rejects(gone, { message: 'gave up' });
    leave();
    leave();
    await Promise.all(work);
    assert.deepEqual(order, ['first', 'second', 'late']);
  });
});
