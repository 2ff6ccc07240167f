import assert from "node:assert/strict";
import test from "node:test";

import { exampleOf, examplesOf, strokesBy, writtenOf } from "../../src/inkdigit/server/static/examples.js";

const PAPER = { width: 600, height: 280 };
const bar = (x, top = 60, bottom = 220) => ({ width: 20, points: [{ x, y: top }, { x, y: bottom }] });
const box = (x) => [x - 10, 50, 20, 180];
const digit = (label, x, more = {}) => ({ label, confidence: 0.9, box: box(x), doubtful: false, alternatives: [], ...more });
const SEVEN = { label: 7, confidence: 0.62, is_digit: true, probabilities: [], model: "digits-6" };

const numberOf = (...digits) => ({ numbers: [{ confidence: 0.9, box: [0, 0, 1, 1], digits }], paper: PAPER, model: "lines-1" });

test("what a person says of a digit goes with what was read", () => {
  const { id, label, predicted, confidence, model } = exampleOf("a", 1, {
    answer: SEVEN,
    drawing: [bar(100)],
    crop: { left: 0, top: 0, width: 280, height: 280 },
  });

  assert.deepEqual({ id, label, predicted, confidence, model }, { id: "a", label: 1, predicted: 7, confidence: 0.62, model: "digits-6" });
});

test("what was read as no digit was predicted to be none", () => {
  const crop = { left: 0, top: 0, width: 280, height: 280 };

  assert.equal(exampleOf("a", 1, { answer: { ...SEVEN, is_digit: false }, drawing: [bar(100)], crop }).predicted, null);
});

test("the strokes lie on the picture that was posted, wherever on the paper they were drawn", () => {
  const { drawing } = exampleOf("a", 1, { answer: SEVEN, drawing: [bar(400)], crop: { left: 260, top: 0, width: 280, height: 280 } });

  assert.deepEqual(drawing, [{ width: 20, points: [{ x: 140, y: 60 }, { x: 140, y: 220 }] }]);
});

test("a drawing on a larger paper is brought to the usual size, the pen too", () => {
  const { drawing } = exampleOf("a", 1, { answer: SEVEN, drawing: [bar(400)], crop: { left: 0, top: 0, width: 560, height: 560 } });

  assert.deepEqual(drawing, [{ width: 10, points: [{ x: 200, y: 30 }, { x: 200, y: 110 }] }]);
});

test("of a number each digit that a person chose is an example of its own", () => {
  const read = { ...numberOf(digit("1", 100), digit("7", 300, { chosen: "1" })), drawing: [bar(100), bar(300)] };

  const examples = examplesOf("a", read, ({ chosen }) => chosen !== undefined);

  assert.deepEqual(
    examples.map(({ id, label, predicted, model }) => [id, label, predicted, model]),
    [["a.1", 1, 7, "lines-1"]],
  );
  assert.equal(examples[0].drawing.length, 1);
});

test("signs, and digits that are said to be nothing, are no examples", () => {
  const read = { ...numberOf(digit(".", 100), digit("7", 300, { chosen: "" })), drawing: [bar(100), bar(300)] };

  assert.deepEqual(examplesOf("a", read, () => true), []);
});

test("a digit of several strokes has them all", () => {
  assert.deepEqual(strokesBy([bar(98), bar(102), bar(300)], [box(100), box(300)]).map((strokes) => strokes.length), [2, 1]);
});

test("digits that share a stroke are left out, and the others are not", () => {
  const joined = { width: 20, points: [{ x: 100, y: 100 }, { x: 200, y: 100 }] };

  const parts = strokesBy([bar(100), joined, bar(200), bar(400)], [[90, 50, 60, 180], [140, 50, 70, 180], box(400)]);

  assert.deepEqual(parts.map((strokes) => strokes.length), [0, 0, 1]);
});

test("rows of numbers keep their strokes apart", () => {
  const parts = strokesBy([bar(100, 20, 100), bar(100, 160, 240)], [[90, 10, 20, 100], [90, 150, 20, 100]]);

  assert.deepEqual(parts.map(([stroke]) => stroke.points[0].y), [20, 160]);
});

test("strokes are sent with the width of the pen, and their points as pairs", () => {
  assert.deepEqual(writtenOf([bar(5)]), [{ width: 20, points: [[5, 60], [5, 220]] }]);
});
