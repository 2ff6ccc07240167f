import assert from "node:assert/strict";
import test from "node:test";

import { clustersOf, isOneDigit, keepNear, paperFor, squareFor, standsApart, wholeOf } from "../../src/inkdigit/server/static/paper.js";

const WIDE = { width: 600, height: 280 };

/** Strokes of a pen 10 wide through the given points. */
const drawing = (...strokes) => strokes.map((points) => ({ width: 10, points: points.map(([x, y]) => ({ x, y })) }));
const moved = (strokes, dx) => strokes.map((points) => points.map(([x, y]) => [x + dx, y]));

const ONE = [[[100, 50], [100, 230]]];
const FOUR = [[[120, 50], [70, 160], [210, 160]], [[165, 100], [160, 240]]];
const FIVE = [[[80, 50], [75, 130], [150, 170], [80, 230]], [[90, 52], [160, 48]]];
const SEVEN = [[[80, 70], [200, 70], [130, 230]]];
const BARRED_SEVEN = [...SEVEN, [[120, 150], [180, 150]]];
const TWO_HALVES = [[[100, 50], [60, 140], [100, 230]], [[113, 50], [150, 140], [113, 230]]]; // a zero, with a small gap

for (const [name, strokes] of Object.entries({ ONE, FOUR, FIVE, SEVEN, BARRED_SEVEN, TWO_HALVES })) {
  test(`${name} can only be one digit, wherever it stands`, () => {
    assert.equal(isOneDigit(drawing(...strokes)), true);
    assert.equal(isOneDigit(drawing(...moved(strokes, 300))), true);
  });

  test(`${name} beside a one is no longer one digit`, () => {
    assert.equal(isOneDigit(drawing(...strokes, ...moved(ONE, 150))), false);
  });
}

test("ink that stands apart is seen to, also where it is small, and a digit's own gaps are none", () => {
  assert.equal(standsApart(drawing(...FIVE, [[220, 136], [220, 238]])), true);
  assert.equal(standsApart(drawing(...SEVEN, [[230, 230]])), true);
  for (const strokes of [TWO_HALVES, FOUR, FIVE, BARRED_SEVEN, []]) assert.equal(standsApart(drawing(...strokes)), false);
});

test("two ones close to each other are two", () => {
  assert.equal(isOneDigit(drawing(...ONE, ...moved(ONE, 25))), false);
});

test("digits that touch are told by how wide they are together", () => {
  const joined = [[[60, 70], [140, 70], [90, 230], [180, 230], [240, 70], [320, 70], [270, 230]]];

  assert.equal(isOneDigit(drawing(...joined)), false);
});

test("a decimal point stands apart", () => {
  assert.equal(isOneDigit(drawing(...SEVEN, [[230, 230]])), false);
});

test("a lone dash goes to the digit model, and so does a blank sheet", () => {
  assert.equal(isOneDigit(drawing([[100, 140], [200, 140]])), true);
  assert.equal(isOneDigit([]), true);
});

test("strokes above one another are one cluster, whatever their order", () => {
  const strokes = drawing(...moved(ONE, 300), ...FOUR, ...moved(ONE, 100));

  assert.equal(clustersOf(strokes, 5), 2);
  assert.equal(clustersOf([...strokes].reverse(), 5), 2);
  assert.equal(clustersOf([], 5), 0);
});

test("the paper is 280 high, and as wide as the pad's proportions", () => {
  assert.deepEqual(paperFor(300, 140, []), { width: 600, height: 280 });
  assert.deepEqual(paperFor(77, 77, drawing(...SEVEN)), { width: 280, height: 280 });
});

test("a drawing from a wider pad finds room, and nothing is distorted", () => {
  const ink = drawing(...moved(SEVEN, 340));

  const paper = paperFor(360, 280, ink);

  assert.ok(paper.width >= 545);
  assert.ok(Math.abs(paper.width / paper.height - 360 / 280) < 1e-9);
  assert.deepEqual(paperFor(360, 280, []), { width: 360, height: 280 });
});

test("ink that went over the edge does not change the paper", () => {
  const over = drawing([[10, 10], Object.values(keepNear({ x: 5000, y: 9000 }, WIDE))]);

  assert.deepEqual(paperFor(WIDE.width, WIDE.height, over), WIDE);
});

test("a point on the paper stays where it is, and one off it is out of sight", () => {
  assert.deepEqual(keepNear({ x: 599, y: 1 }, WIDE), { x: 599, y: 1 });
  const { x, y } = keepNear({ x: -900, y: 900 }, WIDE);
  assert.ok(x < -19 && y > 280 + 19);
});

test("a point is kept to a quarter of a unit, as in a shared drawing", () => {
  assert.deepEqual(keepNear({ x: 10.1, y: 20.2 }, WIDE), { x: 10, y: 20.25 });
  assert.deepEqual(keepNear({ x: 10.125, y: -5.125 }, WIDE), { x: 10.25, y: -5 });
});

test("on a square pad the posted square is the whole paper", () => {
  assert.deepEqual(squareFor(drawing(...SEVEN), { width: 280, height: 280 }), { left: 0, top: 0, width: 280, height: 280 });
});

for (const dx of [-70, 0, 13.37, 150, 380]) {
  test(`the posted square holds a digit that was moved by ${dx}`, () => {
    const { left, top, width, height } = squareFor(drawing(...moved(SEVEN, dx)), WIDE);

    assert.deepEqual([top, width, height], [0, 280, 280]);
    assert.ok(Number.isInteger(left) && left >= 0 && left + width <= 600);
    assert.ok(left <= Math.max(75 + dx, 0) && left + width >= 205 + dx);
  });
}

test("a square round a wide drawing is as high as that is wide", () => {
  const { left, width, height } = squareFor(drawing([[20, 140], [580, 140]]), WIDE);

  assert.equal(width, height);
  assert.ok(left <= 15 && left + width >= 585);
});

test("for a number the whole paper is posted, in whole pixels", () => {
  assert.deepEqual(wholeOf({ width: 599.6, height: 280 }), { left: 0, top: 0, width: 600, height: 280 });
});
