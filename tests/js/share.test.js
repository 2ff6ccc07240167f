import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { deflateSync, inflateSync } from "node:zlib";

import { PAPER, ShareError, codeIn, decode, decodeSheet, encode, linkTo } from "../../src/inkdigit/server/static/share.js";

/** Codes that `inkdigit.share` wrote, and what it reads in them. */
const VECTORS = JSON.parse(readFileSync(new URL("../data/codes.json", import.meta.url), "utf8"));
const SEVEN = [{ width: 19, points: [{ x: 80, y: 70 }, { x: 200, y: 70 }, { x: 130, y: 230 }] }];

const drawingOf = (strokes) => strokes.map(({ width, points }) => ({ width, points: points.map(([x, y]) => ({ x, y })) }));
const paperOf = ([width, height]) => ({ width, height });
/** What a code holds, whoever deflated it. */
const payloadOf = (code) => inflateSync(Buffer.from(code, "base64url").subarray(1));
const codeOf = (payload, version = 1) => Buffer.concat([Buffer.of(version), deflateSync(payload)]).toString("base64url");
const refusal = (message) => (error) => error instanceof ShareError && message.test(error.message);

for (const { name, paper, strokes, code, decoded } of VECTORS) {
  test(`${name} is read as Python reads it`, async () => {
    const sheet = await decodeSheet(code);

    assert.deepEqual(sheet, { drawing: drawingOf(decoded.strokes), paper: paperOf(decoded.paper) });
  });

  test(`${name} is written as Python writes it`, async () => {
    const written = await encode(drawingOf(strokes), paperOf(paper));

    assert.deepEqual(payloadOf(written), payloadOf(code));
  });
}

test("the seven's code is what the format says", async () => {
  const code = await encode(SEVEN);

  // Paper 2400 x 1120, 1 stroke, 76 wide, of 3 points: 320, 280; 480, 0; -280, 640. Those are folded.
  const payload = [0xe0, 0x12, 0xe0, 0x08, 1, 76, 3, 0x80, 0x05, 0xb0, 0x04, 0xc0, 0x07, 0, 0xaf, 0x04, 0x80, 0x0a];
  assert.deepEqual([...payloadOf(code)], payload);
  assert.match(code, /^AX[g-j][A-Za-z0-9_-]+$/);
});

test("a drawing comes back to a quarter of a unit, and what came back is written the same again", async () => {
  const hand = Array.from({ length: 300 }, (_, i) => ({ x: 140 + 80 * Math.cos(i / 30), y: 140 + 90 * Math.sin(i / 19) }));
  const drawing = [{ width: 17.3, points: hand }];

  const [stroke] = await decode(await encode(drawing));

  assert.equal(stroke.width, 17.25);
  assert.ok(stroke.points.every(({ x, y }, i) => Math.abs(x - hand[i].x) <= 0.125 && Math.abs(y - hand[i].y) <= 0.125));
  assert.equal(await encode([stroke]), await encode(drawing));
});

test("a link is read from its #, and whatever else stands there is left alone", async () => {
  const code = await encode(SEVEN);

  for (const text of [linkTo("http://127.0.0.1:5000/", code), `http://a.example/x?d=no#lang=de&d=${code}`, `#d=${code}`, ` ${code}\n`]) {
    assert.deepEqual(await decode(text), SEVEN);
  }
  assert.equal(codeIn("http://127.0.0.1:5000/"), null);
  assert.equal(codeIn("#top"), null);
});

test("a page that shows a drawing links to another one", () => {
  assert.equal(linkTo("http://127.0.0.1:5000/#d=old", "new"), "http://127.0.0.1:5000/#d=new");
});

test("an empty drawing, a pen too wide and a point that is none are not shared", async () => {
  const at = (x) => [{ width: 19, points: [{ x, y: 0 }] }];

  for (const drawing of [[], [{ width: 19, points: [] }], [{ ...SEVEN[0], width: 41 }], at(NaN), at(Infinity), at(-65), at(2049)]) {
    await assert.rejects(encode(drawing), refusal(/cannot be shared/));
  }
  await assert.rejects(encode(SEVEN, { width: 5000, height: 280 }), refusal(/paper/));
});

test("more strokes, points or ink than a hand can draw are not shared", async () => {
  const dot = { x: 1, y: 1 };
  const wild = Array.from({ length: 200 }, (_, i) => ({ x: 2000 * (i % 2), y: 0 }));

  await assert.rejects(encode(Array(501).fill({ width: 9, points: [dot] })), refusal(/500 strokes/));
  await assert.rejects(encode([{ width: 9, points: Array(20_001).fill(dot) }]), refusal(/20000 points/));
  await assert.rejects(encode([{ width: 9, points: wild }]), refusal(/too long/));
});

for (const [what, code, message] of [
  ["nothing", "", /letters/],
  ["other letters", "AX!!", /letters/],
  ["a letter too few", "AXjae", /letters/],
  ["a newer version", codeOf(Buffer.of(0), 2), /version 2/],
  ["a drawing of this version under a newer one", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 1, 76, 1, 2, 2), 2), /damaged: it does not begin/],
  ["a newer version that is damaged", Buffer.of(2, 1, 1).toString("base64url"), /damaged/],
  ["a version that never was", Buffer.of(0, 1, 1).toString("base64url"), /damaged/],
  ["no zlib stream", Buffer.of(1, 1, 1, 1).toString("base64url"), /inflate/],
  ["a megabyte", "A".repeat(1_000_000), /longer/],
  ["a bomb", codeOf(Buffer.alloc(50_000_000)), /more than any drawing/],
  ["strokes that are not there", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 200, 1)), /too early/],
  ["a million strokes", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 0xc0, 0x84, 0x3d)), /too many strokes/],
  ["a million points", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 1, 76, 0xc0, 0x84, 0x3d)), /too many points/],
  ["a stroke without points", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 1, 76, 0)), /no point/],
  ["no stroke", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 0)), /strokes/],
  ["more than its strokes", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 1, 76, 1, 2, 2, 9)), /follows/],
  ["half a number", codeOf(Buffer.of(0xe0)), /within a number/],
  ["an endless number", codeOf(Buffer.alloc(9, 0xff)), /too large/],
  ["no width", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 1, 0, 1, 2, 2)), /too thin/],
  ["a point far away", codeOf(Buffer.of(0xe0, 0x12, 0xe0, 0x08, 1, 76, 1, 0xff, 0xff, 0x7f, 0)), /off the paper/],
  ["no paper", codeOf(Buffer.of(0, 0, 1, 76, 1, 2, 2)), /paper/],
]) {
  test(`a code of ${what} is refused with a reason`, async () => {
    await assert.rejects(decode(code), refusal(message));
  });
}

test("a code that is cut short anywhere, or has one letter wrong, never shows another drawing", async () => {
  const code = await encode(SEVEN);

  for (let i = 0; i < code.length - 1; i += 1) {
    await assert.rejects(decode(code.slice(0, i)), refusal(/the code is damaged/));
    const other = code[i] === "A" ? "B" : "A";
    await assert.rejects(decode(code.slice(0, i) + other + code.slice(i + 1)), refusal(/the code is damaged/));
  }
});

test("the usual paper is the page's", () => assert.deepEqual(PAPER, { width: 600, height: 280 }));
