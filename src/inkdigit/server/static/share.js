// A drawing as a short text, to stand behind the # of a link: no server keeps anything. `inkdigit.share` reads and
// writes the same, and says of what a code is made.

import { MOST, SIZE, faultOf, isIn } from "./strokes.js";

/** @typedef {import("./paper.js").Paper} Paper */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./strokes.js").Point} Point */
/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {{ readonly drawing: Drawing, readonly paper: Paper }} Sheet */

/** @type {Paper} The page's usual one. */
export const PAPER = { width: 600, height: SIZE };

const VERSION = 1;
/** Of a drawing unit. */
const STEPS = 4;
/** Bytes, inflated; the largest drawing has 123 KB. */
const MAX_PAYLOAD = 128 * 1024;
/** Characters; what such a drawing has if nothing of it can be deflated. */
const MAX_CODE = 180_000;
/** Of a number, seven bits in each byte. */
const MAX_BITS = 21;
const SIDES = { least: 1, most: 2048 };

/** A drawing that cannot be shared, or a code without one; its message says why. */
export class ShareError extends Error {
  /** @override */
  name = "ShareError";
}

/**
 * The code of a drawing; a digit's has 100 to 300 characters. Widths and positions are kept to a quarter of a unit.
 *
 * @param {Drawing} drawing At least one stroke.
 * @param {Paper} [paper] On which it was drawn.
 * @returns {Promise<string>}
 * @throws {ShareError} There is nothing to share, or more than a code can hold.
 */
export async function encode(drawing, paper = PAPER) {
  check({ drawing, paper }, "the drawing cannot be shared");
  const numbers = [inSteps(paper.width), inSteps(paper.height), drawing.length, ...numbersOf(drawing)];
  const payload = new Uint8Array(numbers.flatMap(varint));
  const stream = await read(new Blob([payload]).stream().pipeThrough(new CompressionStream("deflate")), Infinity);
  return toBase64(new Uint8Array([VERSION, ...stream]));
}

/**
 * @param {string} code A code, or the link that holds it.
 * @returns {Promise<Drawing>}
 * @throws {ShareError} It is damaged, of a newer version, or of more than a hand can draw.
 */
export async function decode(code) {
  return (await decodeSheet(code)).drawing;
}

/**
 * @param {string} code A code, or the link that holds it.
 * @returns {Promise<Sheet>} The drawing, and the paper on which it was drawn.
 * @throws {ShareError} It is damaged, of a newer version, or of more than a hand can draw.
 */
export async function decodeSheet(code) {
  const { version, stream } = partsOf(codeIn(code) ?? code.trim());
  const payload = await inflate(stream);
  if (version > VERSION) throw newer(version, payload);
  return sheetOf(unpack(payload));
}

/**
 * @param {string} text A link, or what stands behind its #, that one included.
 * @returns {string | null} The code that it holds; null where there is none.
 */
export function codeIn(text) {
  const parts = text.trim().split("#")[1]?.split("&") ?? [];
  return parts.find((part) => part.startsWith("d="))?.slice(2) ?? null;
}

/**
 * @param {string} page Its address, with or without a drawing.
 * @param {string} code
 * @returns {string} The address at which it shows the drawing.
 */
export function linkTo(page, code) {
  return `${page.split("#")[0]}#d=${code}`;
}

// --- drawing to numbers

/**
 * @param {Drawing} drawing
 * @returns {number[]}
 */
function numbersOf(drawing) {
  const numbers = [];
  let last = { x: 0, y: 0 };
  for (const { width, points } of drawing) {
    const places = thinned(points.map(({ x, y }) => ({ x: inSteps(x), y: inSteps(y) })));
    numbers.push(inSteps(width), places.length);
    for (const place of places) {
      numbers.push(folded(place.x - last.x), folded(place.y - last.y));
      last = place;
    }
  }
  return numbers;
}

/**
 * Leave out where the pen stood still: two points in one place make a corner, and more of them no other.
 *
 * @param {readonly Point[]} places
 */
function thinned(places) {
  const isAt = (/** @type {number} */ i, /** @type {Point | undefined} */ place) =>
    places[i]?.x === place?.x && places[i]?.y === place?.y;
  if (places.every((_, i) => isAt(i, places[0]))) return places.slice(0, 1);
  return places.filter((place, i) => i < 2 || !isAt(i - 1, place) || !isAt(i - 2, place));
}

/** @param {number} value */
function inSteps(value) {
  return Math.floor(value * STEPS + 0.5);
}

/** @param {number} number */
function folded(number) {
  return number >= 0 ? 2 * number : -2 * number - 1;
}

/**
 * @param {number} number Not negative.
 * @returns {number[]} Bytes, seven bits in each, the lowest first; all but the last have the eighth bit.
 */
function varint(number) {
  const bytes = [];
  let rest = number;
  for (; rest > 127; rest >>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

/** @param {Uint8Array} bytes */
function toBase64(bytes) {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// --- text to drawing

/**
 * @param {string} code
 * @returns {{ version: number, stream: Uint8Array }} The stream is one of zlib.
 */
function partsOf(code) {
  if (code.length > MAX_CODE) throw new ShareError(`the code is longer than any drawing's, ${MAX_CODE} characters`);
  if (!/^[A-Za-z0-9_-]+$/.test(code) || code.length % 4 === 1) throw damaged("it is not of the letters that a code has, or cut short");
  const bytes = Uint8Array.from(atob(code.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const version = bytes[0] ?? 0;
  if (version < VERSION) throw damaged("no code begins like it");
  return { version, stream: bytes.subarray(1) };
}

/**
 * @param {Uint8Array} stream
 * @returns {Promise<number[]>}
 */
async function inflate(stream) {
  try {
    return await read(new Blob([new Uint8Array(stream)]).stream().pipeThrough(new DecompressionStream("deflate")), MAX_PAYLOAD);
  } catch (error) {
    if (error instanceof ShareError) throw error;
    throw damaged("it does not inflate, is cut short, or has something after its end");
  }
}

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @param {number} most Bytes; with more of them it is not read to its end.
 */
async function read(stream, most) {
  const reader = stream.getReader();
  /** @type {number[]} */
  const bytes = [];
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (bytes.length + part.value.length > most) {
      void reader.cancel().catch(() => undefined);
      throw new ShareError("the code holds more than any drawing has");
    }
    for (const byte of part.value) bytes.push(byte);
  }
  return bytes;
}

/**
 * @param {number} version A later one.
 * @param {readonly number[]} payload
 * @returns {ShareError} That it is a later one; or, where it holds a drawing of ours, that this is what is garbled.
 */
function newer(version, payload) {
  try {
    sheetOf(unpack(payload));
  } catch {
    return new ShareError(`the code is of version ${version}, and this page reads version ${VERSION}; reload or upgrade it`);
  }
  return damaged("it does not begin as it should");
}

/**
 * @param {readonly number[]} payload
 * @returns {number[]}
 */
function unpack(payload) {
  const numbers = [];
  let [number, bits] = [0, 0];
  for (const byte of payload) {
    number |= (byte & 127) << bits;
    bits += 7;
    if (byte < 128) {
      numbers.push(number);
      [number, bits] = [0, 0];
    } else if (bits === MAX_BITS) throw damaged("a number in it is too large");
  }
  if (bits > 0) throw damaged("it ends within a number");
  return numbers;
}

/**
 * @param {readonly number[]} numbers
 * @returns {Sheet}
 */
function sheetOf(numbers) {
  const next = taker(numbers);
  const paper = { width: next() / STEPS, height: next() / STEPS };
  const count = next();
  if (count > MOST.strokes) throw damaged("it claims too many strokes");
  let [x, y] = [0, 0];
  const drawing = Array.from({ length: count }, () => {
    const [width, length] = [next() / STEPS, next()];
    if (length > MOST.points) throw damaged("it claims too many points");
    const points = Array.from({ length }, () => {
      x += unfolded(next());
      y += unfolded(next());
      return { x: x / STEPS, y: y / STEPS };
    });
    return { width, points };
  });
  if (next.left() > 0) throw damaged("something follows the last stroke");
  const sheet = { drawing, paper };
  check(sheet, "the code is damaged");
  return sheet;
}

/** @param {readonly number[]} numbers */
function taker(numbers) {
  let place = 0;
  const next = () => {
    const number = numbers[place];
    if (number === undefined) throw damaged("it ends too early");
    place += 1;
    return number;
  };
  next.left = () => numbers.length - place;
  return next;
}

/** @param {number} number */
function unfolded(number) {
  return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
}

/** @param {string} why */
function damaged(why) {
  return new ShareError(`the code is damaged: ${why}; copy the whole link again`);
}

/**
 * Against what no hand draws, and what would take long to paint.
 *
 * @param {Sheet} sheet
 * @param {string} what Begins the message.
 */
function check({ drawing, paper }, what) {
  const fault = faultOf(drawing) ?? (isIn(SIDES, paper.width, paper.height) ? null : "its paper is too small or too large");
  if (fault !== null) throw new ShareError(`${what}: ${fault}`);
}
