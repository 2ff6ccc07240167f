import assert from "node:assert/strict";
import test from "node:test";
import { inflateSync } from "node:zlib";

import { crc32, greyPng } from "../../src/inkdigit/server/static/png.js";

/** The chunks of a PNG: name, body, and whether the checksum is right. */
function chunksOf(bytes) {
  const chunks = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const named = bytes.subarray(at + 4, at + 8 + length);
    chunks.push([named.toString("latin1", 0, 4), named.subarray(4), bytes.readUInt32BE(at + 8 + length) === crc32([...named])]);
    at += 12 + length;
  }
  return chunks;
}

test("checksums are those of the standard", () => {
  assert.equal(crc32([...Buffer.from("123456789")]), 0xcbf43926);
});

/** What a browser from before 2023 does without. */
function withoutCompression(t) {
  const own = globalThis.CompressionStream;
  delete globalThis.CompressionStream;
  t.after(() => (globalThis.CompressionStream = own));
}

for (const compresses of [true, false]) {
  test(`a picture holds its levels row by row, in one byte each, ${compresses ? "" : "not "}compressed`, async (t) => {
    if (!compresses) withoutCompression(t);
    const levels = Uint8Array.from({ length: 300 * 240 }, (_, i) => (i * 31) % 256);

    const url = await greyPng(levels, 300, 240);

    const bytes = Buffer.from(url.replace("data:image/png;base64,", ""), "base64");
    assert.deepEqual([...bytes.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
    const [header, pixels, end] = chunksOf(bytes);
    assert.deepEqual([header[0], pixels[0], end[0]], ["IHDR", "IDAT", "IEND"]);
    assert.deepEqual([header[2], pixels[2], end[2]], [true, true, true]);
    assert.deepEqual([...header[1]], [0, 0, 1, 44, 0, 0, 0, 240, 8, 0, 0, 0, 0]);
    assert.equal(pixels[1].length > levels.length, !compresses);
    const rows = inflateSync(pixels[1]);
    for (let y = 0; y < 240; y += 1) {
      assert.equal(rows[y * 301], 0);
      assert.deepEqual([...rows.subarray(y * 301 + 1, (y + 1) * 301)], [...levels.subarray(y * 300, (y + 1) * 300)]);
    }
  });
}
