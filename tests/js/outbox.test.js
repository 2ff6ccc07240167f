import assert from "node:assert/strict";
import test from "node:test";

import { Refusal, ServerAway } from "../../src/inkdigit/server/static/api.js";
import { MOST_WAITING, Memory, storeOf } from "../../src/inkdigit/server/static/memory.js";
import { Outbox, isFinal, isWithoutStore } from "../../src/inkdigit/server/static/outbox.js";

const example = (id) => ({
  id,
  label: 7,
  predicted: 1,
  confidence: 0.6,
  model: "digits-6",
  drawing: [{ width: 19, points: [{ x: 1, y: 2 }] }],
});

/** An outbox whose server does what `keep` and `remove` do, and a record of what it was sent. */
function outbox({ keep = async (key) => `receipt of ${key}`, remove = async () => {}, memory = new Memory(storeOf(() => null)) } = {}) {
  const sent = [];
  let count = 0;
  const box = new Outbox(memory, {
    keep: async (one, key) => (sent.push([one.id, key]), keep(key)),
    remove,
    token: () => `key ${(count += 1)}`,
    today: () => "2026-03-09",
  });
  return { box, sent, memory };
}

test("what was given is kept by the server, and its receipt by this device", async () => {
  const { box, memory } = outbox();

  const [key] = box.put([example("a")]);
  await box.flush();

  assert.equal(box.trouble, null);
  assert.deepEqual(memory.receipts, [{ receipt: "receipt of key 1", label: 7, day: "2026-03-09", key: "key 1" }]);
  assert.deepEqual([box.receiptOf(key), memory.waiting], [memory.receipts[0], []]);
});

test("while the server is away nothing is lost, and the next try has the same key", async () => {
  let isAway = true;
  const keep = async (key) => {
    if (isAway) throw new ServerAway("away");
    return `receipt of ${key}`;
  };
  const { box, sent, memory } = outbox({ keep });
  box.put([example("a"), example("b")]);

  await box.flush();
  const [trouble, waiting] = [box.trouble, memory.waiting.length];
  isAway = false;
  await box.flush();

  assert.ok(trouble instanceof ServerAway);
  assert.deepEqual([waiting, box.trouble], [2, null]);
  assert.deepEqual(sent, [["a", "key 1"], ["a", "key 1"], ["b", "key 2"]]);
  assert.equal(memory.receipts.length, 2);
});

test("what waits is still there after the page was closed", async () => {
  const before = outbox({
    keep: async () => {
      throw new ServerAway("away");
    },
  });
  before.box.put([example("a")]);
  await before.box.flush();

  const after = outbox({ memory: before.memory });
  await after.box.flush();

  assert.deepEqual(after.sent, [["a", "key 1"]]);
});

test("what the server refuses for good waits no longer, and holds nothing else up", async () => {
  const { box, memory } = outbox({
    keep: async (key) => {
      if (key === "key 1") throw new Refusal("too large", { status: 413 });
      return "receipt";
    },
  });
  const [refused] = box.put([example("a"), example("b")]);

  await box.flush();

  assert.ok(isFinal(box.trouble));
  assert.equal(box.refusalOf(refused), box.trouble);
  assert.deepEqual([box.receiptOf(refused), memory.waiting.length, memory.receipts.length], [undefined, 0, 1]);
});

test("a failure of the server itself may pass; a server without a store stays without", () => {
  const finals = [400, 413, 422, 500, 501].map((status) => isFinal(new Refusal("", { status })));

  assert.deepEqual(finals, [true, true, true, false, true]);
  assert.deepEqual([isFinal(new ServerAway("")), isFinal(new TypeError(""))], [false, false]);
  assert.deepEqual([404, 422, 501].map((status) => isWithoutStore(new Refusal("", { status }))), [true, false, true]);
});

test("what is asked for another key waits for it", () => {
  const refusals = [["key-required", 401], ["scope-missing", 403], ["cross-site-request", 403]];

  assert.deepEqual(refusals.map(([type, status]) => isFinal(new Refusal("", { status, type }))), [false, false, true]);
});

test("two that send at the same time send each drawing once", async () => {
  const { box, sent, memory } = outbox();
  box.put([example("a")]);
  const first = box.flush();
  box.put([example("b")]);

  await Promise.all([first, box.flush(), box.flush()]);

  assert.deepEqual(sent.map(([id]) => id), ["a", "b"]);
  assert.equal(memory.receipts.length, 2);
});

test("what is discarded is not sent", async () => {
  const { box, sent } = outbox();

  box.discard(box.put([example("a")]));
  await box.flush();

  assert.deepEqual(sent, []);
});

test("what is discarded while another one is on its way is not sent", async () => {
  const { box, sent } = outbox();
  const [, second] = box.put([example("a"), example("b")]);

  const flight = box.flush();
  box.discard([second]);
  await flight;

  assert.deepEqual(sent.map(([id]) => id), ["a"]);
});

test("whatever becomes of a drawing is told once it is so", async () => {
  let isAway = true;
  const { box } = outbox({ keep: async () => (isAway ? Promise.reject(new ServerAway("away")) : "receipt") });
  const told = [];
  const [key] = box.put([example("a")]);
  box.addEventListener("change", () => told.push([box.isWaiting(key), box.trouble !== null, box.receiptOf(key) !== undefined]));

  await box.flush();
  isAway = false;
  await box.flush();
  await box.remove(["receipt"]);
  const [another] = box.put([example("b")]);
  box.discard([another]);

  assert.deepEqual(told, [[true, true, false], [false, false, true], [false, false, false], [false, false, false]]);
});

test("what is taken back is forgotten here once it is gone there, and with the last one the writer's number", async () => {
  const { box, memory } = outbox();
  memory.writer = "random";
  box.put([example("a"), example("b")]);
  await box.flush();

  await box.remove(["receipt of key 1"]);
  const [left, writer] = [memory.receipts.length, memory.writer];
  await box.remove(["receipt of key 2"]);

  assert.deepEqual([left, writer], [1, "random"]);
  assert.deepEqual([memory.receipts, memory.writer], [[], null]);
});

test("a receipt stays while the server cannot delete", async () => {
  const { box, memory } = outbox({
    remove: async () => {
      throw new ServerAway("away");
    },
  });
  box.put([example("a")]);
  await box.flush();

  await assert.rejects(box.remove(["receipt of key 1"]), ServerAway);

  assert.equal(memory.receipts.length, 1);
});

test("it takes on so many drawings and no more", () => {
  const { box } = outbox();

  box.put(Array.from({ length: MOST_WAITING }, (_, i) => example(`${i}`)));

  assert.equal(box.isFull, true);
});
