/**
 * Opens store images one after the other and says whether what was acknowledged is there. A program, since a damaged file may
 * kill its reader: `check-image.ts <list>`; the list is JSON, the answers are lines `<number> ok|<what is wrong>`.
 */
import { readFileSync } from 'node:fs';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import type { WatchEvent } from '#storage/contract';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { tell } from '#storage/testing/tell';

export interface ImageToCheck { readonly number: number; readonly directory: string; /** Lines as the writer printed them. */ readonly acked: readonly string[] }

async function check({ directory, acked }: ImageToCheck): Promise<string> {
  let engine;
  try {
    engine = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
  } catch (error) {
    return `not opened: ${(error as Error).message.slice(0, 200)}`;
  }
  try {
    const { revision, compactedRevision } = await engine.status();
    const events = new Map<number, WatchEvent>();
    const abort = new AbortController();
    if (revision > Math.max(1, compactedRevision)) {
      for await (const batch of engine.watch({ start: '/', end: '0', afterRevision: compactedRevision, signal: abort.signal })) {
        for (const event of batch.events) events.set(event.revision, event);
        if (batch.revision >= revision) break;
      }
    }
    await engine.range({ start: '/', end: '0' });
    for (const line of acked) {
      const [at, key, number, deleted] = line.trim().split(' ');
      if (Number(at) <= compactedRevision) continue;
      const event = events.get(Number(at));
      if (event === undefined) return `lost revision ${at}`;
      const whole = deleted === 'deleted' ? event.type === 'delete' : event.value.toString().startsWith(`${key}#${number}#`);
      if (event.key !== key || !whole) return `wrong revision ${at}`;
    }
    const written = await engine.write({ key: '/after', value: Buffer.from('the power is back') });
    return written.ok ? 'ok' : 'not writable';
  } catch (error) {
    return `not read: ${(error as Error).message}`;
  } finally {
    await engine.close();
  }
}

for (const image of JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ImageToCheck[]) tell(`${image.number} ${await check(image)}`);
