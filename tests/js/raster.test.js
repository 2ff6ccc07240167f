import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "node:test";

import { squareFor } from "../../src/inkdigit/server/static/paper.js";
import { paint, paintingCost } from "../../src/inkdigit/server/static/raster.js";
import { decodeSheet } from "../../src/inkdigit/server/static/share.js";

/** Codes, and the digests of the pictures that Python paints of them. */
const VECTORS = JSON.parse(readFileSync(new URL("../data/codes.json", import.meta.url), "utf8"));
const CROP = { left: 0, top: 0, width: 60, height: 40 };

const strokes = (width, ...paths) => paths.map((points) => ({ width, points: points.map(([x, y]) => ({ x, y })) }));
const inkOf = (levels) => levels.reduce((sum, level) => sum + (255 - level) / 255, 0);

for (const { name, code, picture } of VECTORS) {
  test(`${name} is painted to the last bit as Python paints it`, async () => {
    const { drawing, paper } = await decodeSheet(code);

    const levels = paint(drawing, squareFor(drawing, paper));

    assert.equal(createHash("sha256").update(levels).digest("hex"), picture);
  });
}

test("a dot has the area of its pen", () => {
  const levels = paint(strokes(12, [[30.3, 20.8]]), CROP);

  assert.ok(Math.abs(inkOf(levels) - Math.PI * 36) < 1);
});

test("a line has the area of a bar with round ends", () => {
  const levels = paint(strokes(6, [[10, 10], [40, 30]]), CROP);

  assert.ok(Math.abs(inkOf(levels) - (6 * Math.hypot(30, 20) + Math.PI * 9)) < 2);
});

test("what lies off the paper is not seen, and no paper is white", () => {
  const levels = paint(strokes(10, [[-40, -20], [-20, 90]], [[70, 50]]), CROP);

  assert.ok(levels.every((level) => level === 255));
  assert.ok(paint([], CROP).every((level) => level === 255));
});

test("a stroke over another leaves no trace of its edge on full ink", () => {
  const one = strokes(20, [[5, 20], [55, 20]]);

  const levels = paint([...one, ...strokes(4, [[20, 20], [40, 20]])], CROP);

  assert.deepEqual(levels, paint(one, CROP));
});

test("a piece of the paper is the same picture, moved", () => {
  const here = paint(strokes(9, [[10, 10], [30, 35], [50, 5]]), CROP);
  const there = paint(strokes(9, [[110, 13], [130, 38], [150, 8]]), { ...CROP, left: 100, top: 3 });

  assert.deepEqual(here, there);
});

test("what painting costs is reckoned as the server does", () => {
  assert.equal(paintingCost(strokes(10, [[0, 0], [32, 0]], [[7, 7]])), 2 * 29 ** 2 + 13 ** 2);
});
