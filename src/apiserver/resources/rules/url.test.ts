import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUrl } from './url.ts';

const PARTS: readonly (readonly [name: string, text: string, scheme: string, host: string, path: string, query: string, fragment: string])[] = [
  ['a plain one', 'https://a.b/c', 'https', 'a.b', '/c', '', ''],
  ['port, query and fragment', 'HTTPS://a.b:8443/c?d=e#f', 'https', 'a.b:8443', '/c', 'd=e', 'f'],
  ['an IPv6 address', 'https://[::1]:1/', 'https', '[::1]:1', '/', '', ''],
  ['no scheme', '//a.b/c', '', 'a.b', '/c', '', ''],
  ['a path only', '/c', '', '', '/c', '', ''],
  ['opaque', 'mailto:a@b', 'mailto', '', '', '', ''],
];

for (const [name, text, ...wanted] of PARTS) {
  test(`takes apart ${name}`, () => {
    const url = parseUrl(text);
    assert.ok(typeof url !== 'string');
    assert.deepEqual([url.scheme, url.host, url.path, url.query, url.fragment], wanted);
  });
}

test('knows the user', () => {
  const url = parseUrl('https://u:p@a.b/');
  assert.ok(typeof url !== 'string');
  assert.equal(url.user, 'u:p');
});

const FAULTS: readonly (readonly [text: string, fault: string])[] = [
  [':x', 'parse ":x": missing protocol scheme'],
  ['a:b:c/%zz', ''],
  ['1a:b', 'parse "1a:b": first path segment in URL cannot contain colon'],
  ['https://a b/', 'parse "https://a b/": invalid character " " in host name'],
  ['https://a:x/', 'parse "https://a:x/": invalid port ":x" after host'],
  ['https://[::1/', 'parse "https://[::1/": missing \']\' in host'],
  ['https://a/%zz', 'parse "https://a/%zz": invalid URL escape "%zz"'],
  ['a\u0001', 'parse "a\\x01": net/url: invalid control character in URL'],
];

for (const [text, fault] of FAULTS) {
  test(`says what is wrong with ${JSON.stringify(text)}`, () => {
    const url = parseUrl(text);
    assert.equal(typeof url === 'string' ? url : '', fault);
  });
}
