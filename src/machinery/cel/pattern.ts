/**
 * Regular expressions that users write: RE2's syntax, linear time, compiled once.
 */
import { RE2JS } from 're2js';
import { Failure } from './value.ts';

const CACHED_MAX = 1024;
const cache = new Map<string, RE2JS | Failure>();

/** @returns a failure with RE2's reason for what is no pattern. */
export function compilePattern(pattern: string): RE2JS | Failure {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  const compiled = compile(pattern);
  if (cache.size >= CACHED_MAX) cache.clear();
  cache.set(pattern, compiled);
  return compiled;
}

function compile(pattern: string): RE2JS | Failure {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    return new Failure((error as Error).message);
  }
}

/** Whether the pattern matches anywhere. */
export function matchesPattern(text: string, pattern: string): boolean | Failure {
  const compiled = compilePattern(pattern);
  return compiled instanceof Failure ? compiled : compiled.matcher(text).find();
}

/** @param limit how many at most; negative is all. */
export function findPattern(text: string, compiled: RE2JS, limit: number): string[] {
  const found: string[] = [];
  const matcher = compiled.matcher(text);
  let last = -1;
  while ((limit < 0 || found.length < limit) && matcher.find()) {
    const empty = matcher.start() === matcher.end();
    if (!(empty && matcher.start() === last)) found.push(matcher.group()!);
    last = matcher.end();
  }
  return found;
}
