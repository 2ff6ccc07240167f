import assert from "node:assert/strict";
import test from "node:test";

import { linesPlot, medianInWords, quantileOf, slotsOf, sumOf, timeInWords } from "../../src/inkdigit/server/static/status-plots.js";

/** @param {number} slot @param {number} answers */
const record = (slot, answers) => ({ slot, status: { "2xx": answers }, type: {}, label: {}, times: {}, confidences: {} });

test("what happened in a slot is the difference of its record and the next", () => {
  const slots = slotsOf([record(5, 10), record(6, 14), record(9, 15)]);

  assert.deepEqual(slots.map(({ slot, counts }) => [slot, sumOf(counts.status)]), [[5, 4], [6, 1]]);
});

test("counts that went down, as after a new start, are none", () => {
  assert.equal(sumOf(slotsOf([record(1, 50), record(2, 3)])[0]?.counts.status ?? {}), 0);
});

test("a quantile lies within its bucket", () => {
  const buckets = { "1": 10, "2": 30, "4": 40, "+Inf": 40 };

  assert.equal(quantileOf(buckets, 0.25), 1);
  assert.equal(quantileOf(buckets, 0.5), 1.5);
  assert.equal(quantileOf({ "1": 0, "+Inf": 2 }, 0.5), 1);
  assert.equal(quantileOf({ "1": 0, "+Inf": 0 }, 0.5), null);
});

test("where nothing was measured there is no largest value, and no median", () => {
  const texts = (/** @type {number} */ top, /** @type {number | null} */ value) =>
    linesPlot([{ slot: 1, counts: record(1, 0) }], 1, [{ name: "good", of: () => value }], top, (most) => `${most} s`, "").children.flatMap(({ children }) => children);

  assert.deepEqual(texts(0, null).filter((text) => text.endsWith(" s")), []);
  assert.ok(texts(0, 3).includes("3 s"));
  assert.ok(texts(1, null).includes("1 s"));
  assert.ok(linesPlot([{ slot: 1, counts: record(1, 0) }], 1, [{ name: "good", of: () => 0 }], 0, String, "").children.every(({ attributes }) => !Object.values(attributes).some((one) => String(one).includes("NaN"))));
  assert.equal(medianInWords({ "1": 0, "+Inf": 0 }, String), "none in the last hour");
  assert.equal(medianInWords({ "1": 0, "3": 2, "+Inf": 2 }, (value) => `${value} s`), "median 2 s in the last hour");
});

test("times are told as fine as they are known, and the longest as longer than what is", () => {
  assert.deepEqual([0.0012, 0.0995, 0.25, 1, 13.25].map(timeInWords), ["1.2 ms", "100 ms", "250 ms", "1.0 s", "13.3 s"]);
  assert.equal(medianInWords({ "30": 0, "60": 0, "+Inf": 3 }, timeInWords), "median over 60 s in the last hour");
});
