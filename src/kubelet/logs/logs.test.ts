import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '#base/clock';
import { readLog, type LogOptions } from './read-log.ts';
import { tailOffset } from './tail.ts';

const line = (second: number, text: string, tag = 'F', stream = 'stdout'): string => `2026-01-02T03:04:0${second}.000000006Z ${stream} ${tag} ${text}\n`;

describe('container logs', () => {
  let dir: string;
  let path: string;
  before(() => { dir = mkdtempSync(join(tmpdir(), 'kn-logs-')); path = join(dir, '0.log'); });
  after(() => rmSync(dir, { recursive: true }));

  async function read(content: string, options: LogOptions): Promise<string> {
    writeFileSync(path, content);
    let out = '';
    for await (const piece of readLog({ path, clock: systemClock, isRunning: async () => false }, options)) out += piece.toString();
    return out;
  }

  const three = line(1, 'one') + line(2, 'two', 'F', 'stderr') + line(3, 'thr', 'P') + line(3, 'ee');
  const cases: [string, LogOptions, string][] = [
    ['everything', {}, 'one\ntwo\nthree\n'],
    ['one stream', { stream: 'Stderr' }, 'two\n'],
    ['the last lines, parts joined', { tailLines: 2 }, 'two\nthree\n'],
    ['one last line of two parts', { tailLines: 1 }, 'three\n'],
    ['none', { tailLines: 0 }, ''],
    ['more than there are', { tailLines: 9 }, 'one\ntwo\nthree\n'],
    ['timestamps at line starts', { timestamps: true, tailLines: 1 }, '2026-01-02T03:04:03.000000006Z three\n'],
    ['since', { sinceMs: Date.parse('2026-01-02T03:04:02Z') }, 'two\nthree\n'],
    ['a byte limit', { limitBytes: 5 }, 'one\nt'],
  ];
  for (const [name, options, expected] of cases) it(name, async () => assert.equal(await read(three, options), expected));

  it('finds tails across chunks', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => line(1, `line ${i} ${'x'.repeat(50)}`)).join('');
    writeFileSync(path, many);
    const handle = await open(path, 'r');
    assert.equal(many.slice(await tailOffset(handle, many.length, 3_000)).split('\n').length - 1, 3_000);
    await handle.close();
  });

  it('follows across a rotation until the container ends', async () => {
    writeFileSync(path, line(1, 'one'));
    let running = true;
    const seen: string[] = [];
    const reading = (async () => { for await (const piece of readLog({ path, clock: systemClock, isRunning: async () => running }, { follow: true })) seen.push(piece.toString()); })();
    const until = async (count: number): Promise<void> => { for (let i = 0; i < 200 && seen.join('').split('\n').length - 1 < count; i++) await systemClock.sleep(10); };
    await until(1);
    appendFileSync(path, line(2, 'two'));
    await until(2);
    renameSync(path, `${path}.old`);
    appendFileSync(`${path}.old`, line(3, 'three'));
    writeFileSync(path, line(4, 'four'));
    await until(4);
    running = false;
    appendFileSync(path, line(5, 'five'));
    await reading;
    assert.equal(seen.join(''), 'one\ntwo\nthree\nfour\nfive\n');
  });
});
