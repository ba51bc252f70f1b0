/** Runs `check-image.ts` over many images, past those that kill it. */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ImageToCheck } from './check-image.ts';

const IMAGES_PER_RUN = 20;

/** Answers what is wrong with each image, by number; undefined: nothing. Removes the images. */
export function checkAll(directory: string, images: readonly ImageToCheck[]): Map<number, string | undefined> {
  const answers = new Map<number, string | undefined>();
  let left = [...images];
  while (left.length > 0) {
    const list = join(directory, 'list.json');
    const now = left.slice(0, IMAGES_PER_RUN);
    writeFileSync(list, JSON.stringify(now));
    const program = fileURLToPath(new URL('./check-image.ts', import.meta.url));
    const run = spawnSync(process.execPath, ['--import', 'tsx', program, list], { encoding: 'utf8' });
    for (const line of run.stdout.split('\n').filter((text) => text !== '')) {
      const space = line.indexOf(' ');
      const answer = line.slice(space + 1);
      answers.set(Number(line.slice(0, space)), answer === 'ok' ? undefined : answer);
    }
    const died = now.find((image) => !answers.has(image.number));
    if (died !== undefined) answers.set(died.number, `killed its reader: ${run.signal ?? run.status} ${run.stderr.slice(-300)}`);
    for (const image of now) if (answers.has(image.number)) rmSync(image.directory, { recursive: true, force: true });
    left = left.filter((image) => !answers.has(image.number));
  }
  return answers;
}
