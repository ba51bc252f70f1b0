/** Paths of JSON patches: `'/metadata/labels/' + jsonpatch.escapeKey('example.com/name')`. */
import { overload, type Library } from '../declaration.ts';

export const JSON_PATCHES: Library = [
  overload('string_jsonpatch_escapeKey_string', 'jsonpatch.escapeKey(string): string', ([key]: [string]) => key.replace(/[~/]/g, (character) => (character === '~' ? '~0' : '~1'))),
];
