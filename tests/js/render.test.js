import assert from "node:assert/strict";
import test from "node:test";

import { drawStrokes, drawTinted } from "../../src/inkdigit/server/static/render.js";

/** A 2D context that writes down what it is told. */
class Recorder {
  calls = [];
  beginPath() { this.calls.push(["begin", this.lineWidth]); }
  moveTo(x, y) { this.calls.push(["move", x, y]); }
  lineTo(x, y) { this.calls.push(["line", x, y]); }
  quadraticCurveTo(...to) { this.calls.push(["curve", ...to]); }
  stroke() { this.calls.push(["stroke"]); }
  drawImage(...image) { this.calls.push([this.globalCompositeOperation, ...image]); }
}

test("a dot is a line of next to no length, so that round ends make a disc", () => {
  const pen = new Recorder();

  drawStrokes(pen, [{ width: 19, points: [{ x: 4, y: 5 }] }], "#000");

  const [, , [, x, y]] = pen.calls;
  assert.deepEqual(pen.calls, [["begin", 19], ["move", 4, 5], ["line", x, y], ["stroke"]]);
  assert.ok(x > 4 && x < 4.1 && y === 5);
  assert.equal(pen.lineCap, "round");
});

test("a stroke begins and ends where the hand did", () => {
  const pen = new Recorder();

  drawStrokes(pen, [{ width: 8, points: [{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 10 }] }], "#000");

  assert.deepEqual(pen.calls, [["begin", 8], ["move", 0, 0], ["curve", 10, 0, 10, 5], ["line", 10, 10], ["stroke"]]);
});

test("each stroke keeps its own width", () => {
  const pen = new Recorder();
  const dot = { points: [{ x: 0, y: 0 }] };

  drawStrokes(pen, [{ width: 4, ...dot }, { width: 38, ...dot }], "#000");

  assert.deepEqual(pen.calls.filter(([name]) => name === "begin"), [["begin", 4], ["begin", 38]]);
});

test("a stroke without points draws nothing", () => {
  const pen = new Recorder();

  drawStrokes(pen, [{ width: 4, points: [] }], "#000");

  assert.deepEqual(pen.calls, [["begin", 4], ["stroke"]]);
});

test("a tint colours the ink alone, in its place, and the next drawing is as usual", () => {
  const brush = new Recorder();
  const drawing = [{ width: 4, points: [{ x: 0, y: 0 }, { x: 9, y: 9 }] }];

  drawTinted(brush, drawing, { picture: "picture", place: { left: -3, top: 5, side: 252 } });

  const [last, ...before] = brush.calls.slice(4).reverse();
  assert.deepEqual(last, ["source-atop", "picture", -3, 5, 252, 252]);
  assert.ok(before.every((call) => assert.deepEqual(call, last) === undefined));
  assert.equal(brush.strokeStyle, "#969696");
  assert.equal(brush.globalCompositeOperation, "source-over");
});
