import assert from "node:assert/strict";
import test from "node:test";

import { MARGIN, sidesOf } from "../../src/inkdigit/server/static/tags.js";

/** A number whose tag is as wide as it is, and 10 high. */
const at = (left, top) => ({ ink: { left, top, width: 50, height: 20 }, width: 50, height: 10 });
/** For the tag, and for the frame round the number above it. */
const ROOM = 10 + 2 * MARGIN;

test("tags stand above where there is room", () => {
  assert.deepEqual(sidesOf([at(0, 20), at(100, 20), at(0, 20 + 20 + ROOM)], 0), ["above", "above", "above"]);
});

test("a tag that would cover the number above stands below, and where there is no room either, nowhere", () => {
  const rows = [0, 1, 2].map((row) => at(0, 20 + row * (20 + ROOM - 1)));

  assert.deepEqual(sidesOf(rows, 0), ["above", "nowhere", "below"]);
});

test("a tag does not stand below where it would seem to be that of the next number", () => {
  const close = 20 + 20 + ROOM;

  assert.deepEqual(sidesOf([at(0, 20), at(0, 50), at(0, 50 + close)], 0), ["above", "nowhere", "above"]);
  assert.deepEqual(sidesOf([at(0, 20), at(0, 50), at(0, 50 + close + ROOM)], 0), ["above", "below", "above"]);
});

test("the tag of the number that is looked at is shown in any case", () => {
  const rows = [0, 1, 2].map((row) => at(0, 20 + row * (20 + ROOM - 1)));

  assert.equal(sidesOf(rows, 1)[1], "above");
});

test("the frame of the number above cuts no tag", () => {
  assert.equal(sidesOf([at(0, 20), at(0, 20 + 20 + 10 + MARGIN)], 0)[1], "below");
});

test("tags do not cover one another", () => {
  const long = { ...at(0, 20), width: 100 };

  assert.deepEqual(sidesOf([long, at(60, 20)], 0), ["above", "below"]);
});

test("a tag that would run over the picture's right edge ends there, and covers no other one", () => {
  const long = { ...at(110, 20), width: 100 };

  assert.deepEqual(sidesOf([at(50, 20), long], 0, 300), ["above", "above"]);
  assert.deepEqual(sidesOf([at(50, 20), long], 0, 160), ["above", "below"]);
});
