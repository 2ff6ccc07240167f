import assert from "node:assert/strict";
import test from "node:test";

import { FORGOTTEN, MOST_EXAMPLES, Memory, randomToken, storeOf } from "../../src/inkdigit/server/static/memory.js";

const example = (id, label = 7) => ({
  id,
  label,
  predicted: 1,
  confidence: 0.6,
  model: "digits-6",
  drawing: [{ width: 19, points: [{ x: 1.5, y: 2 }, { x: 3, y: 4 }] }, { width: 4, points: [{ x: 9, y: 9 }] }],
});

/** A store as a browser has them. */
function store(values = {}) {
  return {
    values,
    getItem: (name) => values[name] ?? null,
    setItem: (name, value) => void (values[name] = value),
    removeItem: (name) => void delete values[name],
  };
}

test("drawings come back as they were, also to another page", () => {
  const shared = store();

  new Memory(shared).remember([example("a"), example("b", null)]);

  assert.deepEqual(new Memory(shared).examples, [example("a"), example("b", null)]);
});

test("what is said of a drawing later takes the place of what was said before", () => {
  const memory = new Memory(store());

  memory.remember([example("a", 1), example("b", 2)]);
  memory.remember([example("a", 3)]);

  assert.deepEqual(memory.examples.map(({ id, label }) => [id, label]), [["b", 2], ["a", 3]]);
});

test("the newest drawings push out the oldest", () => {
  const memory = new Memory(store());

  for (let i = 0; i < MOST_EXAMPLES + 5; i += 1) memory.remember([example(`${i}`)]);

  assert.equal(memory.examples.length, MOST_EXAMPLES);
  assert.equal(memory.examples[0].id, "5");
});

test("other tabs can tell that all is forgotten from the last example taken back", () => {
  const shared = store();
  const memory = new Memory(shared);
  const written = [];
  shared.setItem = (name, value) => (written.push(name), void (shared.values[name] = value));
  memory.remember([example("a")]);

  memory.replace(() => true, []);
  const before = [...written];
  memory.forget();

  assert.ok(!before.includes(FORGOTTEN));
  assert.ok(written.includes(FORGOTTEN));
});

test("what is forgotten leaves nothing behind", () => {
  const shared = store();
  const memory = new Memory(shared);
  memory.remember([example("a")]);
  memory.learned = { layer: "abc", used: true, model: "digits-6" };
  memory.isOn = false;

  memory.forget();
  memory.learned = null;
  memory.isOn = true;

  assert.deepEqual(shared.values, {});
});

for (const text of ["", "{", "null", "7", '"x"', "{}", "[null, 1, {}]", '[{"id": "a", "label": 12, "strokes": [[1, 2, 3]]}]']) {
  test(`a store that holds ${text || "nothing"} holds no drawings`, () => {
    const names = ["examples", "receipts", "waiting", "learned", "writer", "off"];
    const memory = new Memory(store(Object.fromEntries(names.map((name) => [`inkdigit.${name}`, text]))));

    assert.deepEqual([memory.examples, memory.receipts, memory.waiting, memory.learned], [[], [], [], null]);
    assert.equal(memory.isOn, true);
  });
}

test("a damaged stroke spoils its drawing, and no other", () => {
  const shared = store();
  new Memory(shared).remember([example("a"), example("b")]);
  const rows = JSON.parse(shared.values["inkdigit.examples"]);
  rows[0].strokes[0].pop();
  shared.values["inkdigit.examples"] = JSON.stringify(rows);

  assert.deepEqual(new Memory(shared).examples, [example("b")]);
});

test("where the browser grants no store, the page remembers as long as it is open", () => {
  const memory = new Memory(
    storeOf(() => {
      throw new Error("denied");
    }),
  );

  memory.remember([example("a")]);
  memory.receipts = [{ receipt: "r", label: 7, day: "2026-03-09" }];
  memory.receipts = [];

  assert.deepEqual([memory.examples.length, memory.receipts.length], [1, 0]);
  assert.equal(memory.isPassing("examples"), true);
});

test("what a full store does not take is remembered as long as the page is open", () => {
  const full = store({ "inkdigit.writer": '"before"' });
  full.setItem = () => {
    throw new Error("quota exceeded");
  };
  const memory = new Memory(storeOf(() => full));

  memory.writer = "after";
  memory.remember([example("a")]);

  assert.deepEqual([memory.writer, memory.examples.length], ["after", 1]);
  assert.deepEqual([memory.isPassing("examples"), memory.isPassing("receipts")], [true, false]);
});

test("what is stored does not go with the page", () => {
  const shared = store();
  const memory = new Memory(storeOf(() => shared));

  memory.remember([example("a")]);

  assert.deepEqual([memory.isPassing("examples"), new Memory(shared).isPassing("examples")], [false, false]);
});

test("random tokens have 128 bits and are never the same", () => {
  const tokens = [randomToken(), randomToken()];

  assert.ok(tokens.every((token) => /^[0-9a-f]{32}$/.test(token)));
  assert.notEqual(tokens[0], tokens[1]);
});
