import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { rewriteLink, rewritePage, type LinkBase } from './page-links.ts';

const BASE: LinkBase = { prefix: '/api/v1/namespaces/a/pods/web/proxy', backendHost: '10.0.0.1:80', requestHost: 'kube:6443' };
const P = BASE.prefix;

const LINKS: readonly (readonly [name: string, link: string, rewritten: string])[] = [
  ['from the root', '/a/b?x=1#y', `${P}/a/b?x=1#y`],
  ['the root', '/', `${P}/`],
  ['relative', 'a/b', 'a/b'],
  ['climbing', '/a/../b/', `${P}/b/`],
  ['below the prefix', `${P}/x`, `${P}/x`],
  ['the backend by name', 'http://10.0.0.1:80/x', `${P}/x`],
  ['the API server by name', 'https://kube:6443/x', `https://kube:6443${P}/x`],
  ['another host', 'https://example.com/x', 'https://example.com/x'],
  ['another host, same scheme', '//example.com/x', '//example.com/x'],
  ['no place', 'mailto:a@b', 'mailto:a@b'],
  ['nothing', '', ''],
];

for (const [name, link, rewritten] of LINKS) test(`link: ${name}`, () => { assert.equal(rewriteLink(link, BASE), rewritten); });

const PAGES: readonly (readonly [name: string, page: string, rewritten: string])[] = [
  ['links and others', '<a href="/x">t</a><img src=\'/y\' alt="/z"><p title="/t">', `<a href="${P}/x">t</a><img src='${P}/y' alt="/z"><p title="/t">`],
  ['without quotes', '<A HREF=/x>t</A>', `<A HREF=${P}/x>t</A>`],
  ['comments', '<!-- <a href="/x"> --><a href="/y">', `<!-- <a href="/x"> --><a href="${P}/y">`],
  ['scripts', '<script src="/s">"<a href=\'/x\'>"</SCRIPT><a href="/y">', `<script src="${P}/s">"<a href='/x'>"</SCRIPT><a href="${P}/y">`],
  ['signs that are no tags', '1 < 2 <a href="/y"> é <', `1 < 2 <a href="${P}/y"> é <`],
];

async function text(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('pages, however they are cut', () => {
  for (const [name, page, rewritten] of PAGES) {
    for (const size of [1, 2, 7, 1000]) {
      test(`${name}, in pieces of ${size}`, async () => { assert.equal((await text(rewritePage(inPieces(Buffer.from(page), size), '', BASE)!)).toString(), rewritten); });
    }
  }

  test('compressed', async () => {
    const page = rewritePage(inPieces(gzipSync('<a href="/x">'), 5), 'gzip', BASE)!;
    assert.equal(gunzipSync(await text(page)).toString(), `<a href="${P}/x">`);
    assert.equal(rewritePage(inPieces(Buffer.alloc(0), 1), 'br', BASE), undefined);
  });
});
