import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldErrorText } from '#machinery/field-error';
import { validateLogOptions } from './pod-log.ts';

const texts = (options: Partial<Parameters<typeof validateLogOptions>[0]>): string[] => validateLogOptions({ stream: 'All', ...options } as Parameters<typeof validateLogOptions>[0]).map(fieldErrorText);

for (const [name, options, expected] of [
  ['the last lines of both streams', { tailLines: 5 }, []],
  ['one stream', { stream: 'Stdout' }, []],
  ['the last lines of one stream', { stream: 'Stderr', tailLines: 5 }, [': Forbidden: `tailLines` and specific `stream` are mutually exclusive for now']],
] as const) {
  test(name, () => { assert.deepEqual(texts(options), expected); });
}
