import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonPathFault } from './json-path.ts';

const CASES: readonly (readonly [path: string, fault: string | undefined])[] = [
  ['{.spec.containers[0].name}', undefined],
  ["{.metadata.labels['a.b/c']}", undefined],
  ['{.items[?(@.a=="b")].c}', undefined],
  ['{..name}', undefined],
  ['{.a[1:2:1]}', undefined],
  ['{.a[0,1]}', undefined],
  ['text {.a} more', undefined],
  ['{.a', 'unclosed action'],
  ['{.a[}', 'unterminated array'],
  ['{.a[x]}', 'invalid array index x'],
  ['{.a[?(@.b]}', 'unterminated filter'],
  ['{"a}', 'unterminated quoted string'],
  ['{*}', "unrecognized character in action: U+002A '*'"],
  ['{....a}', 'invalid multiple recursive descent'],
];
for (const [path, fault] of CASES) test(`judges ${path}`, () => assert.equal(jsonPathFault(path), fault));
