/**
 * Huffman coded strings of HPACK.
 *
 * The code is canonical (codes of one length are consecutive, in the order of the symbols), so the lengths are all of it. From them a table is made that
 * reads four bits at a time: a state is a place in the tree; a step leads to the next state and ends at most one symbol, because no code is shorter than five
 * bits. A string may end only where the bits since its last symbol are fewer than eight and all ones.
 * Source: RFC 7541, section 5.2 and appendix B.
 */
import { ConnectionError, ErrorCode } from "./protocol.js";

/** Bits of the code of each byte. */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10,
  12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7,
  7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22,
  23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22,
  23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20,
  24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
const END_OF_STRING = 256;
const END_OF_STRING_LENGTH = 30;
const PADDING_BITS_MAX = 7;

/** A step of the table: the next state in the low bits, the symbol above it, then marks. */
const STATE_MASK = 0x1ff;
const SYMBOL_SHIFT = 9;
const EMITS = 1 << 17;
/** The string may end after this step. */
const MAY_END = 1 << 18;
const BROKEN = 1 << 19;

/** Children of the inner nodes: below zero `-1 - symbol`, else a node. Node 0 is the root. */
const tree = (): [number, number][] => {
  const nodes: [number, number][] = [[0, 0]];
  const symbols = [...LENGTHS.keys(), END_OF_STRING];
  const lengthOf = (symbol: number) => LENGTHS[symbol] ?? END_OF_STRING_LENGTH;
  symbols.sort((one, other) => lengthOf(one) - lengthOf(other) || one - other);
  let code = 0;
  let length = lengthOf(symbols[0] as number);
  for (const symbol of symbols) {
    code <<= lengthOf(symbol) - length;
    length = lengthOf(symbol);
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const children = nodes[node] as [number, number];
      const side = (code >>> bit) & 1;
      if (children[side] === 0) children[side] = nodes.push([0, 0]) - 1;
      node = children[side] as number;
    }
    (nodes[node] as [number, number])[code & 1] = -1 - symbol;
    code++;
  }
  return nodes;
};

const stepFrom = (nodes: readonly [number, number][], ending: ReadonlySet<number>, state: number, nibble: number): number => {
  let node = state;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = (nodes[node] as [number, number])[(nibble >>> bit) & 1] as number;
    if (child === -1 - END_OF_STRING) return BROKEN;
    if (child < 0) {
      emitted = EMITS | ((-1 - child) << SYMBOL_SHIFT);
      node = 0;
    } else node = child;
  }
  return node | emitted | (ending.has(node) ? MAY_END : 0);
};

const buildSteps = (): Uint32Array => {
  const nodes = tree();
  const ending = new Set([0]);
  for (let node = 0, depth = 1; depth <= PADDING_BITS_MAX; depth++) {
    node = (nodes[node] as [number, number])[1];
    ending.add(node);
  }
  return Uint32Array.from({ length: nodes.length * 16 }, (_, at) => stepFrom(nodes, ending, at >> 4, at & 15));
};

const steps = buildSteps();

/** Decoded strings are put together here: no header block is longer than a frame is, times eight bits, over the five of the shortest code. */
let room = Buffer.allocUnsafeSlow(4096);

/** The string, a character for each byte. @throws ConnectionError COMPRESSION_ERROR */
export const decodeHuffman = (bytes: Buffer, start: number, end: number): string => {
  const most = ((end - start) * 8) / 5 + 1;
  if (room.length < most) room = Buffer.allocUnsafeSlow(2 * Math.ceil(most));
  let length = 0;
  let step = MAY_END;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    step = steps[((step & STATE_MASK) << 4) | (byte >>> 4)] as number;
    if (step & EMITS) room[length++] = (step >>> SYMBOL_SHIFT) & 0xff;
    if (step & BROKEN) break;
    step = steps[((step & STATE_MASK) << 4) | (byte & 15)] as number;
    if (step & EMITS) room[length++] = (step >>> SYMBOL_SHIFT) & 0xff;
    if (step & BROKEN) break;
  }
  if ((step & MAY_END) === 0) throw new ConnectionError(ErrorCode.Compression, "HPACK: a Huffman coded string is broken");
  return room.toString("latin1", 0, length);
};
