import assert from "node:assert/strict";
import test from "node:test";

import { commandOf, isArrow, labelOf, step } from "../../src/inkdigit/server/static/keys.js";

const key = (name, ...held) => ({
  key: name,
  ctrlKey: held.includes("ctrl"),
  metaKey: held.includes("meta"),
  shiftKey: held.includes("shift"),
  altKey: held.includes("alt"),
});

for (const [event, command] of [
  [key("Escape"), "clear"],
  [key("z", "ctrl"), "undo"],
  [key("z", "meta"), "undo"],
  [key("Z", "ctrl", "shift"), "redo"],
  [key("Z", "meta", "shift"), "redo"],
  [key("y", "ctrl"), "redo"],
  [key("Z", "ctrl"), "undo"],
  [key("z"), null],
  [key("y"), null],
  [key("z", "ctrl", "alt"), null],
  [key("c", "ctrl"), null],
  [key("Escape", "alt"), null],
]) {
  const held = Object.entries(event).filter(([, value]) => value === true).map(([name]) => name);
  test(`${[...held, event.key].join(" ")} means ${command}`, () => assert.equal(commandOf(event), command));
}

const PAPER = { width: 600, height: 280 };

test("an arrow moves the pen, two arrows move it aslant", () => {
  const from = { x: 140, y: 140 };

  const right = step(from, ["ArrowRight"], false, PAPER);
  const aslant = step(from, ["ArrowRight", "ArrowDown"], false, PAPER);

  assert.ok(right.x > 140 && right.y === 140);
  assert.deepEqual(aslant, { x: right.x, y: 140 + (right.x - 140) });
});

test("fine steps are smaller", () => {
  const from = { x: 140, y: 140 };

  assert.ok(step(from, ["ArrowUp"], true, PAPER).y > step(from, ["ArrowUp"], false, PAPER).y);
});

test("the pen stays on the paper", () => {
  assert.deepEqual(step({ x: 0, y: 280 }, ["ArrowLeft", "ArrowDown"], false, PAPER), { x: 0, y: 280 });
  assert.equal(step({ x: 598, y: 140 }, ["ArrowRight"], false, PAPER).x, 600);
});

test("only arrows are arrows", () => {
  assert.equal(isArrow("ArrowLeft"), true);
  assert.equal(isArrow("a"), false);
  assert.equal(isArrow("toString"), false);
});

for (const [event, label] of [
  [key("0"), 0],
  [key("9"), 9],
  [key("n"), null],
  [key("N", "shift"), null],
  [key("n", "ctrl"), undefined],
  [key("7", "meta"), undefined],
  [key("7", "alt"), undefined],
  [key("10"), undefined],
  [key("x"), undefined],
  [key("ArrowUp"), undefined],
]) {
  test(`${JSON.stringify(event)} says ${label}`, () => assert.equal(labelOf(event), label));
}
