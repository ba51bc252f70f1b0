/**
 * HPACK's Huffman code (RFC 7541, appendix B), decoding only.
 *
 * The code is canonical: symbols of one length have consecutive codes in symbol order, so that the lengths say all. Decoding goes
 * by nibbles through a table of states; a state is an inner node of the code's tree.
 */

/** Code length of each byte, and of the end-of-string symbol (256). */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const END_OF_STRING = 256;
const NO_SYMBOL = 0xffff;
/** Padding is at most this many bits. */
const PADDING_BITS_MAX = 7;

interface Node { readonly children: [Node | number | undefined, Node | number | undefined]; index: number; depth: number; /** On the path of all ones: where padding may end. */ ones: boolean }

/** By state and nibble: next state, symbol given on the way (or NO_SYMBOL). -1: not a code. */
let next: Int16Array | undefined;
let symbols: Uint16Array;
let accepting: Uint8Array;

function build(): Int16Array {
  const nodes: Node[] = [];
  const node = (depth: number, ones: boolean): Node => {
    const made: Node = { children: [undefined, undefined], index: nodes.length, depth, ones };
    nodes.push(made);
    return made;
  };
  const root = node(0, true);
  let code = 0;
  let length = 0;
  const inOrder = LENGTHS.map((bits, symbol) => ({ bits, symbol })).sort((a, b) => a.bits - b.bits || a.symbol - b.symbol);
  for (const { bits, symbol } of inOrder) {
    code *= 2 ** (bits - length);
    length = bits;
    let at = root;
    for (let bit = bits - 1; bit >= 0; bit--) {
      const side = (Math.floor(code / 2 ** bit) & 1) as 0 | 1;
      if (bit === 0) { at.children[side] = symbol; break; }
      at.children[side] ??= node(at.depth + 1, at.ones && side === 1);
      at = at.children[side] as Node;
    }
    code++;
  }
  const table = new Int16Array(nodes.length * 16);
  symbols = new Uint16Array(nodes.length * 16).fill(NO_SYMBOL);
  accepting = Uint8Array.from(nodes, ({ ones, depth }) => (ones && depth <= PADDING_BITS_MAX ? 1 : 0));
  for (const start of nodes) {
    for (let nibble = 0; nibble < 16; nibble++) {
      const slot = start.index * 16 + nibble;
      let at: Node | undefined = start;
      for (let bit = 3; bit >= 0 && at !== undefined; bit--) {
        const child: Node | number | undefined = at.children[((nibble >> bit) & 1) as 0 | 1];
        if (typeof child === 'number') {
          if (child === END_OF_STRING) at = undefined;
          else { symbols[slot] = child; at = root; }
        } else {
          at = child;
        }
      }
      table[slot] = at === undefined ? -1 : at.index;
    }
  }
  return table;
}

/** @returns undefined when the bytes are not of the code. */
export function huffmanDecode(bytes: Buffer): string | undefined {
  next ??= build();
  const out = Buffer.allocUnsafe(bytes.length * 2);
  let length = 0;
  let state = 0;
  for (let i = 0; i < bytes.length; i++) {
    for (const nibble of [bytes[i]! >> 4, bytes[i]! & 15]) {
      const slot = state * 16 + nibble;
      const symbol = symbols[slot]!;
      if (symbol !== NO_SYMBOL) out[length++] = symbol;
      state = next[slot]!;
      if (state < 0) return undefined;
    }
  }
  return accepting[state] === 1 ? out.toString('latin1', 0, length) : undefined;
}
