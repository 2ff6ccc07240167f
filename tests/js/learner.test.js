import assert from "node:assert/strict";
import test from "node:test";

import { Refusal, ServerAway } from "../../src/inkdigit/server/static/api.js";
import { Learner, wordsOf } from "../../src/inkdigit/server/static/learner.js";
import { Memory } from "../../src/inkdigit/server/static/memory.js";

const example = (id, label, predicted = 1) => ({
  id,
  label,
  predicted,
  confidence: 0.6,
  model: "digits-6",
  drawing: [{ width: 19, points: [{ x: 1, y: 2 }] }],
});
const answered = (model) => ({ label: 7, confidence: 1, is_digit: true, probabilities: [], model });
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** What a browser's store holds. */
const values = {};
const store = {
  getItem: (name) => values[name] ?? null,
  setItem: (name, value) => void (values[name] = value),
  removeItem: (name) => void delete values[name],
};

/** A learner whose server does what is told, and what it was asked. */
function learner(adapt = async () => ({ layer: "layer", used: true, model: "digits-6" })) {
  const asked = [];
  for (const name of Object.keys(values)) delete values[name];
  const memory = new Memory(store);
  const it = new Learner(memory, async (drawings) => (asked.push(drawings), adapt()));
  return { it, asked, memory };
}

const fails = (error) => async () => {
  throw error;
};

test("what a person says is learned from, and the layer used from then on", async () => {
  const { it, asked } = learner();

  it.learnFrom("a", [example("a", 7)]);
  const [meanwhile, layer] = [it.state, it.layer];
  await settled();

  assert.deepEqual([meanwhile, layer], ["learning", null]);
  assert.deepEqual(asked, [[{ strokes: [{ width: 19, points: [[1, 2]] }], label: 7 }]]);
  assert.deepEqual([it.state, it.layer], ["used", "layer"]);
});

test("all drawings are sent each time, and what is said anew of one in the place of the old", async () => {
  const { it, asked } = learner();

  it.learnFrom("a", [example("a", 7)]);
  it.learnFrom("b", [example("b.0", 3), example("b.1", 4)]);
  it.learnFrom("b", [example("b.0", 5)]);
  await settled();

  assert.deepEqual(asked.at(-1).map(({ label }) => label), [7, 5]);
});

test("what is said in the place of the only thing said is one step for another tab", () => {
  const { it, memory } = learner();
  it.learnFrom("a", [example("a", 1)]);
  const remove = store.removeItem;
  const removed = [];
  store.removeItem = (name) => (removed.push(name), remove(name));

  it.learnFrom("a", [example("a", 2)]);
  store.removeItem = remove;

  assert.ok(!removed.includes("inkdigit.examples"));
  assert.deepEqual(memory.examples.map(({ label }) => label), [2]);
});

test("what is no digit is not learned from", async () => {
  const { it, asked } = learner();

  it.learnFrom("a", [example("a", null)]);
  await settled();

  assert.deepEqual([asked.length, it.state], [0, "untaught"]);
});

test("what is taken back is unlearned, and the last one takes the layer along", async () => {
  const { it, memory } = learner();
  it.learnFrom("a", [example("a", 7)]);
  await settled();

  it.learnFrom("a", []);
  await settled();

  assert.deepEqual([it.state, it.layer, memory.learned], ["untaught", null, null]);
  assert.deepEqual(values, {});
});

test("a layer that does not help is not used", async () => {
  const { it } = learner(async () => ({ layer: "layer", used: false, model: "digits-6" }));

  it.learnFrom("a", [example("a", 7)]);
  await settled();

  assert.deepEqual([it.state, it.layer], ["unused", null]);
});

test("switched off, nothing goes along; switched on, it does again", async () => {
  const { it } = learner();
  it.learnFrom("a", [example("a", 7)]);
  await settled();

  it.isOn = false;
  const off = [it.state, it.layer];
  it.isOn = true;

  assert.deepEqual(off, ["off", null]);
  assert.deepEqual([it.state, it.layer], ["used", "layer"]);
});

test("forgotten while it was learning, nothing comes back", async () => {
  const { it, memory } = learner();
  it.learnFrom("a", [example("a", 7)]);

  it.forget();
  await settled();

  assert.deepEqual([it.state, memory.examples, memory.learned], ["untaught", [], null]);
});

test("what another tab forgot while this one was learning does not come back", async () => {
  const { it, memory } = learner();
  it.learnFrom("a", [example("a", 7)]);

  new Learner(new Memory(store), async () => assert.fail("nothing is left to learn from")).forget();
  await settled();

  assert.deepEqual([it.state, it.layer, memory.learned], ["untaught", null, null]);
  assert.deepEqual(values, {});
});

test("of what another tab forgot a part of while this one was learning, the rest is learned", async () => {
  const { it, asked } = learner();
  it.learnFrom("a", [example("a", 7)]);
  it.learnFrom("b", [example("b", 3)]);

  new Memory(store).replace(({ id }) => id === "a", []);
  await settled();

  assert.deepEqual(asked.map((lessons) => lessons.map(({ label }) => label)), [[7], [7, 3], [3]]);
  assert.deepEqual([it.state, it.layer], ["used", "layer"]);
});

test("a layer of which no drawing is left is not sent along", async () => {
  const { it, memory } = learner();
  memory.learned = { layer: "layer", used: true, model: "digits-6" };

  assert.equal(it.layer, null);
});

test("another model has its own layer made, and is asked once", async () => {
  const { it, asked } = learner();
  it.learnFrom("a", [example("a", 7)]);
  await settled();

  for (const model of ["digits-6", "digits-8", "digits-8"]) {
    it.note(answered(model));
    await settled();
  }

  assert.equal(asked.length, 2);
});

test("a server that was away is asked again with the next answer", async () => {
  let isAway = true;
  const { it, asked } = learner(async () => {
    if (isAway) throw new ServerAway("away");
    return { layer: "layer", used: true, model: "digits-6" };
  });
  it.learnFrom("a", [example("a", 7)]);
  await settled();
  const state = it.state;
  isAway = false;
  it.note(answered("digits-6"));
  await settled();

  assert.deepEqual([state, it.state, asked.length], ["waiting", "used", 2]);
});

for (const isReloaded of [false, true]) {
  test(`what was said while the server was away is learned once it is back${isReloaded ? ", also by the next visit" : ""}`, async () => {
    let isAway = false;
    const adapt = async () => {
      if (isAway) throw new ServerAway("away");
      return { layer: `layer ${asked.length}`, used: true, model: "digits-6" };
    };
    const { it: before, asked, memory } = learner(adapt);
    before.learnFrom("a", [example("a", 7)]);
    await settled();
    isAway = true;
    before.learnFrom("b", [example("b", 3)]);
    await settled();
    const it = isReloaded ? new Learner(memory, async (drawings) => (asked.push(drawings), adapt())) : before;
    const meanwhile = [it.state, it.layer];
    isAway = false;
    for (let i = 0; i < 2; i += 1) {
      it.note(answered("digits-6"));
      await settled();
    }

    assert.deepEqual(meanwhile, ["waiting", "layer 1"]);
    assert.deepEqual([it.state, it.layer], ["used", "layer 3"]);
    assert.deepEqual(asked.map((lessons) => lessons.length), [1, 2, 2]);
  });
}

test("a server that refuses is not asked at every answer", async () => {
  const { it, asked } = learner(fails(new Refusal("too few", { status: 422 })));
  it.learnFrom("a", [example("a", 7)]);
  await settled();

  for (let i = 0; i < 3; i += 1) {
    it.note(answered("digits-6"));
    await settled();
  }

  assert.deepEqual([it.state, asked.length], ["waiting", 2]);
});

test("a server that was away is asked again with any answer, not only with a digit's", async () => {
  let isAway = true;
  const { it, asked } = learner(async () => {
    if (isAway) throw new ServerAway("away");
    return { layer: "layer", used: true, model: "digits-6" };
  });
  it.learnFrom("a", [example("a", 7)]);
  await settled();
  for (const away of [true, false, false]) {
    isAway = away;
    it.retry();
    await settled();
  }

  assert.deepEqual([it.state, asked.length], ["used", 3]);
});

test("a server that refuses is not asked at every answer, whatever is answered", async () => {
  const { it, asked } = learner(fails(new Refusal("too few", { status: 422 })));
  it.learnFrom("a", [example("a", 7)]);
  await settled();

  for (let i = 0; i < 3; i += 1) {
    it.retry();
    await settled();
    it.note(answered("digits-6"));
    await settled();
  }

  assert.deepEqual([it.state, asked.length], ["waiting", 3]);
});

for (const [what, prepare] of [
  ["nothing was said", () => undefined],
  ["it is off", (it) => (it.learnFrom("a", [example("a", 7)]), (it.isOn = false))],
  ["it learns already", (it) => it.learnFrom("a", [example("a", 7)])],
]) {
  test(`an answer has nothing learned again where ${what}`, async () => {
    const { it, asked } = learner(fails(new ServerAway("away")));
    prepare(it);
    const before = asked.length;

    it.retry();

    assert.equal(asked.length, before);
  });
}

for (const status of [404, 501]) {
  test(`a server that answers ${status} cannot learn, and what was said is remembered`, async () => {
    const { it, asked, memory } = learner(fails(new Refusal("no", { status })));
    it.learnFrom("a", [example("a", 7)]);
    await settled();
    it.learnFrom("b", [example("b", 7)]);
    it.note(answered("digits-6"));
    await settled();

    assert.deepEqual([it.state, asked.length, memory.examples.length], ["unable", 1, 2]);
  });
}

test("a layer that the server refuses is made anew, but not again and again", async () => {
  const { it, asked } = learner();
  it.learnFrom("a", [example("a", 7)]);
  await settled();

  for (let i = 0; i < 3; i += 1) {
    it.dropLayer();
    it.note(answered("digits-6"));
    await settled();
  }

  assert.equal(asked.length, 2);
});

test("of drawings with more points than a server takes the newest are sent", async () => {
  const { it, asked } = learner();
  const points = Array.from({ length: 9000 }, (_, i) => ({ x: i / 50, y: 1 }));
  const large = (id, label) => ({ ...example(id, label), drawing: [{ width: 19, points }] });

  it.learnFrom("a", [large("a.0", 1), large("a.1", 2), large("a.2", 3)]);
  await settled();

  assert.deepEqual(asked[0].map(({ label }) => label), [2, 3]);
});

/** As many drawings as one likes, of one stroke each. */
const drawn = (count, width, points) => Array.from({ length: count }, (_, i) => ({ ...example(`a.${i}`, i % 10), drawing: [{ width, points }] }));
const zigzag = (count) => Array.from({ length: count }, (_, i) => ({ x: i % 2 === 0 ? 20 : 260, y: i % 280 }));

for (const [what, lessons, sent] of [
  ["a longer way of the pen", drawn(99, 19, zigzag(12)), 75],
  ["more to paint", drawn(99, 38, Array.from({ length: 150 }, (_, i) => ({ x: 16 * (i % 2), y: i }))), 26],
]) {
  test(`of drawings with ${what} than a server takes the newest are sent`, async () => {
    const { it, asked } = learner();

    it.learnFrom("a", lessons);
    await settled();

    assert.deepEqual(asked[0].map(({ label }) => label), lessons.slice(-sent).map(({ label }) => label));
  });
}

const SCRIBBLES = [
  ["strokes", Array.from({ length: 501 }, () => ({ width: 19, points: [{ x: 1, y: 2 }] }))],
  ["points", [{ width: 19, points: Array.from({ length: 20_001 }, (_, i) => ({ x: i % 2, y: 1 })) }]],
];
for (const [what, drawing] of SCRIBBLES) {
  test(`a drawing of more ${what} than any server takes is left out, and the others are learned`, async () => {
    const { it, asked } = learner();

    it.learnFrom("a", [example("a.0", 1), example("a.1", 2), { ...example("a.2", 3), drawing }]);
    await settled();

    assert.deepEqual([it.state, asked[0].map(({ label }) => label)], ["used", [1, 2]]);
  });

  test(`a lone drawing of more ${what} than any server takes is told to be too large`, async () => {
    const { it, asked } = learner();

    it.learnFrom("a", [{ ...example("a", 3), drawing }]);
    await settled();

    assert.deepEqual([asked, wordsOf(it)], [[], "Your 1 correction is remembered, and too large to learn from."]);
  });
}

test("where a server takes less, half of the drawings are sent, the newest", async () => {
  const { it, asked } = learner(async () => {
    if (asked.at(-1).length > 3) throw new Refusal("send fewer drawings", { status: 400 });
    return { layer: "layer", used: true, model: "digits-6" };
  });

  it.learnFrom("a", [0, 1, 2, 3, 4, 5, 6].map((i) => example(`a.${i}`, i)));
  await settled();

  assert.deepEqual([it.state, asked.map((lessons) => lessons.map(({ label }) => label))], ["used", [[0, 1, 2, 3, 4, 5, 6], [4, 5, 6]]]);
});

test("without a word of anybody nothing is asked", async () => {
  const { it, asked } = learner();

  it.note(answered("digits-6"));
  await settled();

  assert.deepEqual([asked.length, it.layer], [0, null]);
});

for (const [state, corrections, confirmations, words] of [
  ["untaught", 0, 0, ""],
  ["used", 12, 0, "Learned from your 12 corrections."],
  ["used", 1, 2, "Learned from your 1 correction and 2 right answers."],
  ["unused", 3, 0, "Your 3 corrections do not yet make it read you better, so its answers stay as they are."],
  ["unused", 0, 1, "Your 1 right answer does not yet make it read you better, so its answers stay as they are."],
  ["off", 2, 0, "Your 2 corrections are remembered, and not used."],
  ["large", 2, 0, "Your 2 corrections are remembered, and too large to learn from."],
  ["unable", 1, 0, "Your 1 correction is remembered; this server cannot learn from it."],
]) {
  test(`it says: ${words || "nothing"}`, () => {
    assert.equal(wordsOf({ state, lessons: { corrections, confirmations } }), words);
  });
}
