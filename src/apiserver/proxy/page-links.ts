/**
 * Links of proxied pages and redirects, put below the proxy's path: what a backend calls `/style.css` its browser finds at
 * `…/proxy/style.css`.
 *
 * Invariant: only links to the page's own host that begin at its root change; all other bytes pass as they came. A tag longer than
 * the limit passes unread. Links in style sheets and scripts are not found.
 */
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { createDeflateRaw, createGunzip, createGzip, createInflateRaw } from 'node:zlib';

export interface LinkBase {
  /** Path of the proxy, without a final slash. */
  readonly prefix: string;
  /** Of the backend: `address:port`. */
  readonly backendHost: string;
  /** As the caller addresses the API server. */
  readonly requestHost: string;
}

const TAG_CHARACTERS_MAX = 16 * 1024;

/** Attributes that hold a link, by element. */
const LINK_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ['href'], applet: ['codebase'], area: ['href'], audio: ['src'], base: ['href'], blockquote: ['cite'], body: ['background'], button: ['formaction'], command: ['icon'],
  del: ['cite'], embed: ['src'], form: ['action'], frame: ['longdesc', 'src'], head: ['profile'], html: ['manifest'], iframe: ['longdesc', 'src'], img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'], ins: ['cite'], link: ['href'], object: ['classid', 'codebase', 'data', 'usemap'], q: ['cite'], script: ['src'], source: ['src'], video: ['poster', 'src'],
};

/** Their content is text, whatever it looks like. */
const RAW_TEXT = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'iframe', 'noembed', 'noframes']);

const URL_PARTS = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is;

export function rewriteLink(link: string, base: LinkBase): string {
  const [, scheme, host, path, rest] = URL_PARTS.exec(link)!;
  if (!path!.startsWith('/') || (scheme !== undefined && host === undefined)) return link;
  const known = host === undefined || host === '' || host === base.backendHost || host === base.requestHost;
  if (!known) return link;
  const origin = host !== undefined && host !== '' && host === base.requestHost ? `${scheme === undefined ? '' : `${scheme}:`}//${host}` : '';
  return `${origin}${path!.startsWith(base.prefix) ? path! : posix.join(base.prefix, path!)}${rest!}`;
}

const CODINGS = { gzip: [createGunzip, createGzip], deflate: [createInflateRaw, createDeflateRaw] } as const;

/** The page with its links rewritten; undefined when it is in a coding that is not known. */
export function rewritePage(body: AsyncIterable<Buffer>, coding: string, base: LinkBase): AsyncIterable<Buffer> | undefined {
  if (coding === '') return rewritePieces(body, base);
  const codec = Object.hasOwn(CODINGS, coding) ? CODINGS[coding as keyof typeof CODINGS] : undefined;
  if (codec === undefined) return undefined;
  const source = Readable.from(body);
  const decoder = codec[0]();
  const encoder = codec[1]();
  source.once('error', (error) => decoder.destroy(error));
  const pages = Readable.from(rewritePieces(source.pipe(decoder) as AsyncIterable<Buffer>, base));
  pages.once('error', (error) => encoder.destroy(error));
  return pages.pipe(encoder) as AsyncIterable<Buffer>;
}

async function* rewritePieces(body: AsyncIterable<Buffer>, base: LinkBase): AsyncGenerator<Buffer> {
  const scanner = new TagScanner((tag) => rewriteTag(tag, base));
  // One character a byte: nothing but ASCII is looked at, and every byte comes out again.
  for await (const piece of body) yield Buffer.from(scanner.take(piece.toString('latin1')), 'latin1');
  yield Buffer.from(scanner.rest, 'latin1');
}

/** Finds start tags in text that comes in pieces. */
class TagScanner {
  /** What is not yet decided on: a tag's beginning. */
  rest = '';
  readonly #rewrite: (tag: string) => string;
  /** The end of what is no markup now: of a comment, or of the content of a script. */
  #until: string | undefined;

  constructor(rewrite: (tag: string) => string) {
    this.#rewrite = rewrite;
  }

  take(piece: string): string {
    const text = this.rest + piece;
    let out = '';
    let at = 0;
    for (;;) {
      const end = this.#until === undefined ? text.indexOf('<', at) : indexOfIgnoringCase(text, this.#until, at);
      if (end < 0) {
        const keep = this.#until === undefined ? text.length : Math.max(at, text.length - this.#until.length + 1);
        this.rest = text.slice(keep);
        return out + text.slice(at, keep);
      }
      out += text.slice(at, end);
      at = end;
      if (this.#until !== undefined) { this.#until = undefined; if (text[at] !== '<') continue; }
      if (text.startsWith('<!--', at)) { this.#until = '-->'; out += '<!--'; at += 4; continue; }
      const length = tagLength(text, at);
      if (length === undefined) {
        if (text.length - at > TAG_CHARACTERS_MAX) { out += '<'; at++; continue; }
        this.rest = text.slice(at);
        return out;
      }
      const tag = text.slice(at, at + length);
      out += this.#rewrite(tag);
      at += length;
      const name = tagName(tag);
      if (RAW_TEXT.has(name)) this.#until = `</${name}`;
    }
  }
}

function indexOfIgnoringCase(text: string, wanted: string, from: number): number {
  return wanted === '-->' ? text.indexOf(wanted, from) : text.toLowerCase().indexOf(wanted, from);
}

/** Of the tag (or the lone `<`) at `start`; undefined while its end is not there. */
function tagLength(text: string, start: number): number | undefined {
  if (start + 3 >= text.length && '<!--'.startsWith(text.slice(start))) return undefined;
  if (!/[a-zA-Z/!?]/.test(text[start + 1] ?? '')) return 1;
  let quote = '';
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at]!;
    if (quote !== '') { if (character === quote) quote = ''; } else if (character === '>') return at - start + 1;
    else if ((character === '"' || character === "'") && text[at - 1] === '=') quote = character;
  }
  return undefined;
}

function tagName(tag: string): string {
  return /^<([a-zA-Z][^\s/>]*)/.exec(tag)?.[1]?.toLowerCase() ?? '';
}

const ATTRIBUTE = /([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g;

function rewriteTag(tag: string, base: LinkBase): string {
  const name = tagName(tag);
  const names = Object.hasOwn(LINK_ATTRIBUTES, name) ? LINK_ATTRIBUTES[name]! : [];
  if (names.length === 0) return tag;
  return tag.replace(ATTRIBUTE, (whole, attribute: string, equals: string, value: string) => {
    if (!names.includes(attribute.toLowerCase())) return whole;
    const quote = value.startsWith('"') || value.startsWith("'") ? value[0]! : '';
    const link = quote === '' ? value : value.slice(1, -1);
    return `${attribute}${equals}${quote}${rewriteLink(link, base)}${quote}`;
  });
}
