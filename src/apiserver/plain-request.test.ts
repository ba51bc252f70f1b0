import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlainRequest } from './plain-request.ts';

const read = (text: string): ReturnType<typeof readPlainRequest> => readPlainRequest(Buffer.from(text, 'latin1'));

test('a plain request is read as it stands', () => {
  assert.deepEqual(read('GET /api/v1?x=%20 HTTP/1.1\r\nHost: a:1\r\nAccept:*/*\r\nX-Empty:\r\n\r\n'), {
    method: 'GET', target: '/api/v1?x=%20', headers: { host: 'a:1', accept: '*/*', 'x-empty': '' }, body: Buffer.alloc(0), rest: undefined,
  });
  assert.deepEqual(read('POST / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello'), {
    method: 'POST', target: '/', headers: { host: 'a', connection: 'Keep-Alive', 'content-length': '5' }, body: Buffer.from('hello'), rest: undefined,
  });
});

test('what comes behind a request is the next one', () => {
  for (const first of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na']) {
    const reading = read(`${first}GET /b`);
    assert.equal(typeof reading === 'string' ? reading : String(reading.rest), 'GET /b');
  }
});

test('headers that name identities are lists', () => {
  const reading = read('GET / HTTP/1.1\r\nHost: a\r\nImpersonate-User: a, b\r\n\r\n');
  assert.deepEqual(typeof reading === 'string' ? reading : reading.headers['impersonate-user'], ['a, b']);
});

const HOST = 'Host: a\r\n';
const READINGS: readonly (readonly [name: string, text: string, reading: 'more' | 'other'])[] = [
  ['a body that is still to come', `PUT / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhell`, 'more'],
  ['a body of many megabytes', `PUT / HTTP/1.1\r\n${HOST}Content-Length: 3000000\r\n\r\n`, 'other'],
  ['a GET that waits for a body', `GET / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\n`, 'other'],
  ['a head without an end', `GET / HTTP/1.1\r\n${HOST}X: `, 'other'],
  ['another method', `HEAD / HTTP/1.1\r\n${HOST}\r\n`, 'other'],
  ['HTTP/1.0', `GET / HTTP/1.0\r\n${HOST}\r\n`, 'other'],
  ['a target that is no path', `GET http://a/ HTTP/1.1\r\n${HOST}\r\n`, 'other'],
  ['two spaces', `GET  / HTTP/1.1\r\n${HOST}\r\n`, 'other'],
  ['no host', 'GET / HTTP/1.1\r\nX: a\r\n\r\n', 'other'],
  ['no headers', 'GET / HTTP/1.1\r\n\r\n', 'other'],
  ['two hosts', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 'other'],
  ['a host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 'other'],
  ['two lengths', `PUT / HTTP/1.1\r\n${HOST}Content-Length: 1\r\ncontent-length: 1\r\n\r\na`, 'other'],
  ['a signed length', `PUT / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\na`, 'other'],
  ['a length with a zero before it', `PUT / HTTP/1.1\r\n${HOST}Content-Length: 01\r\n\r\na`, 'other'],
  ['a list of lengths', `PUT / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\na`, 'other'],
  ['chunks', `PUT / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'other'],
  ['a compressed body', `PUT / HTTP/1.1\r\n${HOST}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na`, 'other'],
  ['an expectation', `PUT / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 1\r\n\r\na`, 'other'],
  ['an upgrade', `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, 'other'],
  ['the last request', `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, 'other'],
  ['a space before the colon', `GET / HTTP/1.1\r\n${HOST}X : a\r\n\r\n`, 'other'],
  ['a folded header', `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 'other'],
  ['a bare line feed', `GET / HTTP/1.1\r\n${HOST}X: a\nY: b\r\n\r\n`, 'other'],
  ['a bare carriage return', `GET / HTTP/1.1\r\n${HOST}X: a\rY: b\r\n\r\n`, 'other'],
  ['a NUL', `GET / HTTP/1.1\r\n${HOST}X: a\0\r\n\r\n`, 'other'],
  ['a byte of more than seven bits', `GET / HTTP/1.1\r\n${HOST}X: \xe4\r\n\r\n`, 'other'],
  ['a name that every object has', `GET / HTTP/1.1\r\n${HOST}constructor: a\r\n\r\n`, 'other'],
  ['more headers than anyone sends', `GET / HTTP/1.1\r\n${HOST}${Array.from({ length: 60 }, (_, i) => `X-${i}: a\r\n`).join('')}\r\n`, 'other'],
];

for (const [name, text, reading] of READINGS) test(`${name}: ${reading}`, () => assert.equal(read(text), reading));
