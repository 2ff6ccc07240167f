import assert from "node:assert/strict";
import test from "node:test";

import { EMPTY, commit, extendStroke, redo, startStroke, strokeLength, undo } from "../../src/inkdigit/server/static/strokes.js";

const ONE = [startStroke(19, { x: 1, y: 1 })];
const TWO = [...ONE, startStroke(19, { x: 2, y: 2 })];

test("a stroke grows by every point that moves the pen", () => {
  const start = startStroke(19, { x: 0, y: 0 });

  const stroke = extendStroke(start, [{ x: 0, y: 0 }, { x: 3, y: 4 }, { x: 3, y: 4 }, { x: 3, y: 5 }]);

  assert.deepEqual(stroke.points, [{ x: 0, y: 0 }, { x: 3, y: 4 }, { x: 3, y: 5 }]);
  assert.equal(strokeLength(stroke), 6);
});

test("a pen that stays where it is leaves the stroke as it was", () => {
  const stroke = startStroke(19, { x: 5, y: 5 });

  assert.equal(extendStroke(stroke, [{ x: 5, y: 5 }]), stroke);
});

test("extending a stroke leaves the old one untouched", () => {
  const before = startStroke(19, { x: 0, y: 0 });

  extendStroke(before, [{ x: 9, y: 9 }]);

  assert.equal(before.points.length, 1);
});

test("undo takes back what redo brings back", () => {
  const drawn = commit(commit(EMPTY, ONE), TWO);

  assert.equal(undo(drawn).present, ONE);
  assert.equal(undo(undo(drawn)).present.length, 0);
  assert.equal(redo(undo(drawn)).present, TWO);
});

test("with nothing to undo or redo the history stays the same", () => {
  assert.equal(undo(EMPTY), EMPTY);
  assert.equal(redo(EMPTY), EMPTY);
});

test("clearing can be undone", () => {
  const cleared = commit(commit(EMPTY, TWO), []);

  assert.equal(undo(cleared).present, TWO);
});

test("a new stroke after undo forgets what was undone", () => {
  const redrawn = commit(undo(commit(EMPTY, ONE)), TWO);

  assert.equal(redo(redrawn), redrawn);
});
