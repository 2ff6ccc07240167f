import assert from "node:assert/strict";
import test from "node:test";

import { Refusal, ServerAway } from "../../src/inkdigit/server/static/api.js";
import { DrawingReader } from "../../src/inkdigit/server/static/asking.js";

const PAPER = { width: 600, height: 280 };
const ANSWER = { label: 7, is_digit: true };
const NO_DIGIT = { label: 7, is_digit: false };
const ONE = [{ width: 10, points: [{ x: 50, y: 40 }, { x: 50, y: 240 }] }];
const TWO = [...ONE, { width: 10, points: [{ x: 150, y: 40 }, { x: 150, y: 240 }] }];

const numbers = (...texts) => ({ numbers: texts.map((text) => ({ digits: [...text], confidence: 1 })), model: "lines-1" });
const sureOf = (confidence) => ({ numbers: [{ digits: [..."11"], confidence }], model: "lines-1" });

/** A reader whose server reads what is given, and the names of the calls it made. */
function reader(read, answer = ANSWER) {
  const calls = [];
  const it = new DrawingReader({
    predict: async (image) => (calls.push(`predict ${image}`), answer),
    read: async (image) => (calls.push(`read ${image}`), read()),
    pictureOf: (_, { width, height }) => `${width}x${height}`,
  });
  return { calls, ask: (drawing) => it.ask({ drawing, paper: PAPER }, new AbortController().signal) };
}

const refused = (status) => () => {
  throw new Refusal("no", { status });
};

test("what can only be one digit goes to predict, as a square", async () => {
  const { ask, calls } = reader(() => numbers("12"));

  const reply = await ask(ONE);

  assert.deepEqual(calls, ["predict 280x280"]);
  assert.equal(reply.answer, ANSWER);
  assert.equal(reply.image, "280x280");
});

test("anything wider goes to read, as the whole paper", async () => {
  const { ask, calls } = reader(() => numbers("11"));

  const reply = await ask(TWO);

  assert.deepEqual(calls, ["read 600x280"]);
  assert.deepEqual(reply.reading, numbers("11"));
});

test("what looks like one sign and is no digit is shown to the reader, which is heard if it is sure", async () => {
  const { ask, calls } = reader(() => sureOf(0.95), NO_DIGIT);

  const reply = await ask(ONE);

  assert.deepEqual(calls, ["predict 280x280", "read 600x280"]);
  assert.deepEqual(reply.reading, sureOf(0.95));
});

for (const [name, read] of [
  ["is not sure", () => sureOf(0.7)],
  ["reads a single character", () => numbers("4")],
  ["reads nothing", refused(422)],
  ["is not there", refused(501)],
]) {
  test(`what looks like one sign stays no digit where the reader ${name}`, async () => {
    const { ask } = reader(read, NO_DIGIT);

    assert.equal((await ask(ONE)).answer, NO_DIGIT);
  });
}

test("two numbers of one digit each are shown as read", async () => {
  const { ask } = reader(() => numbers("1", "1"));

  assert.deepEqual((await ask(TWO)).reading, numbers("1", "1"));
});

for (const [name, read] of [
  ["a single character", () => numbers("4")],
  ["nothing", () => numbers()],
  ["no reading that is likely enough", refused(422)],
]) {
  test(`where the reader finds ${name}, the digit model is asked, and the reader again the next time`, async () => {
    const { ask, calls } = reader(read);

    const reply = await ask(TWO);
    await ask(TWO);

    assert.deepEqual(reply.answer, { ...ANSWER, alone: 1 });
    assert.deepEqual(calls, ["read 600x280", "predict 280x280", "read 600x280", "predict 280x280"]);
  });
}

test("ink that stands apart of which the reader made one character is told with how sure it was", async () => {
  const { ask } = reader(() => ({ numbers: [{ digits: [..."5"], confidence: 0.93 }], model: "lines-1" }));

  assert.deepEqual((await ask(TWO)).answer, { ...ANSWER, alone: 0.93 });
});

test("of a digit that is only wide, or whose gap is small, nothing is left out", async () => {
  const { ask } = reader(() => numbers("7"));
  const wide = [{ width: 10, points: [{ x: 60, y: 60 }, { x: 400, y: 60 }, { x: 160, y: 230 }] }];
  const gapped = [...ONE, { width: 10, points: [{ x: 70, y: 40 }, { x: 70, y: 240 }] }];

  for (const drawing of [wide, gapped]) assert.equal((await ask(drawing)).answer, ANSWER);
});

for (const status of [404, 501]) {
  test(`a server that answers ${status} has no reader, and is not asked again`, async () => {
    const { ask, calls } = reader(refused(status));

    await ask(TWO);
    await ask(TWO);

    assert.deepEqual(calls, ["read 600x280", "predict 280x280", "predict 280x280"]);
  });
}

test("other refusals are told, and so is a server that is away", async () => {
  await assert.rejects(reader(refused(413)).ask(TWO), Refusal);
  await assert.rejects(
    reader(() => {
      throw new ServerAway("away");
    }).ask(TWO),
    ServerAway,
  );
});
