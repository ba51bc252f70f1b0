import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tell } from './tell.ts';

test('a line is told whole, whatever part of it the pipe takes', () => {
  const taken: string[] = [];
  let calls = 0;
  tell('12 /a/b 7 deleted', (bytes) => {
    if (calls++ % 2 === 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' });
    taken.push(bytes.toString('utf8', 0, 5));
    return Math.min(5, bytes.length);
  });
  assert.equal(taken.join(''), '12 /a/b 7 deleted\n');
  assert.throws(() => tell('x', () => { throw Object.assign(new Error('gone'), { code: 'EPIPE' }); }), /gone/);
});

test('a reader that is busy for long gets every line', { timeout: 60_000 }, async () => {
  const lines = 20_000;
  const program = `process.stdout; const { tell } = await import(${JSON.stringify(fileURLToPath(new URL('./tell.ts', import.meta.url)))}); for (let i = 0; i < ${lines}; i++) tell('line ' + i);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => { child.on('close', resolve); });
  // Nobody reads until the pipe is full.
  child.stdout.pause();
  await new Promise((resolve) => { child.stdout.once('readable', resolve); });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
  assert.equal(await ended, 0);
  assert.deepEqual(output.split('\n').slice(0, -1), Array.from({ length: lines }, (_, i) => `line ${i}`));
});
