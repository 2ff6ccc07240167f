// Grey levels -> PNG (ISO/IEC 15948), which a canvas can't make: its own have four bytes for a pixel where one is enough,
// and the server spends most of its time on them.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Of the header, behind width and height: eight bits, grey, and the only ways to deflate, filter and interlace. */
const KIND = [8, 0, 0, 0, 0];
const POLYNOMIAL = 0xedb88320;
/** Bytes of a block that is not compressed. */
const BLOCK = 65535;
/** Arguments that a call takes at once. */
const AT_ONCE = 8192;

/**
 * @param {Uint8Array} levels Row by row, 255 is white and 0 is black.
 * @param {number} width
 * @param {number} height
 * @returns {Promise<string>} An 8-bit grey PNG as a data URL.
 */
export async function greyPng(levels, width, height) {
  const rows = new Uint8Array(height * (width + 1)); // each begins with the number of its filter: 0, as it is
  for (let y = 0; y < height; y += 1) rows.set(levels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const chunks = [
    chunk("IHDR", [...bigEndian(width), ...bigEndian(height), ...KIND]),
    chunk("IDAT", await deflated(rows)),
    chunk("IEND", []),
  ];
  return `data:image/png;base64,${base64([...SIGNATURE, ...chunks.flat()])}`;
}

/**
 * The checksum of PNG and zlib (ISO 3309).
 *
 * @param {readonly number[]} bytes
 */
export function crc32(bytes) {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? POLYNOMIAL : 0);
  }
  return (rest ^ 0xffffffff) >>> 0;
}

/**
 * @param {string} name
 * @param {readonly number[]} body
 */
function chunk(name, body) {
  const named = [...new TextEncoder().encode(name), ...body];
  return [...bigEndian(body.length), ...named, ...bigEndian(crc32(named))];
}

/** @param {number} number */
function bigEndian(number) {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255);
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<number[]>} A zlib stream; browsers from before 2023 can't compress, and send more bytes.
 */
async function deflated(bytes) {
  if (!("CompressionStream" in globalThis)) return stored(bytes);
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return [...new Uint8Array(await new Response(stream).arrayBuffer())];
}

/**
 * A zlib stream of blocks that are not compressed (RFC 1950 and 1951).
 *
 * @param {Uint8Array} bytes
 */
function stored(bytes) {
  const stream = [0x78, 0x01];
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    const length = [block.length & 255, block.length >> 8];
    stream.push(at + BLOCK < bytes.length ? 0 : 1, ...length, ...length.map((byte) => byte ^ 255));
    for (const byte of block) stream.push(byte);
  }
  return [...stream, ...bigEndian(adler32(bytes))];
}

/** @param {Uint8Array} bytes */
function adler32(bytes) {
  let sum = 1;
  let sums = 0;
  for (const byte of bytes) {
    sum = (sum + byte) % 65521;
    sums = (sums + sum) % 65521;
  }
  return ((sums << 16) | sum) >>> 0;
}

/** @param {readonly number[]} bytes */
function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE) text += String.fromCharCode(...bytes.slice(at, at + AT_ONCE));
  return btoa(text);
}
