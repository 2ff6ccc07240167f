import assert from "node:assert/strict";
import { test } from "node:test";

import { Refusal, ServerAway } from "../../src/inkdigit/server/static/api.js";
import { Office } from "../../src/inkdigit/server/static/review-calls.js";
import { START, hashOf, placeFrom, queryOf } from "../../src/inkdigit/server/static/review-place.js";
import { classPlot, confusionPlot, placeOf, statusPlot, weeksPlot } from "../../src/inkdigit/server/static/review-plots.js";
import { describe, odds, percent, readingInWords, undoneInWords, verdictInWords, withGone } from "../../src/inkdigit/server/static/review-words.js";

const BASE = new URL("http://127.0.0.1:5000/api/v1/review/");

/** All elements of a plot. */
function all(node) {
  return typeof node === "string" ? [] : [node, ...node.children.flatMap(all)];
}

function numbers(node) {
  const named = all(node).flatMap(({ attributes }) => Object.entries(attributes));
  return named.filter(([name]) => !["class", "role", "aria-label", "href", "transform", "text-anchor"].includes(name));
}

// --- calls

function officeWith(answer) {
  const calls = [];
  const fetch = async (url, request) => {
    calls.push([String(url), request]);
    return answer();
  };
  return { calls, office: new Office(BASE, "sesame", fetch) };
}

test("every call carries the key in its header and nowhere else", async () => {
  const { calls, office } = officeWith(() => Response.json({}));

  await office.drawings({ status: "new" });
  await office.review([{ id: 1, status: "accepted", truth: 2 }]);
  await office.undo();
  await office.statistics();

  assert.deepEqual(calls.map(([url]) => url.replace(BASE.href, "")), ["drawings?status=new", "verdicts", "undo", "statistics"]);
  assert.deepEqual(calls.map(([, { method }]) => method ?? "GET"), ["GET", "POST", "POST", "GET"]);
  assert.ok(calls.every(([url, { headers }]) => headers.Authorization === "Bearer sesame" && !url.includes("sesame")));
});

test("a refusal says why, and a server that cannot now is away", async () => {
  const refused = officeWith(() => Response.json({ detail: "No.", type: "admin-key-required" }, { status: 401 })).office;
  const away = officeWith(() => Response.json({}, { status: 503 })).office;
  const barred = officeWith(() => Response.json({ detail: "Too many wrong keys." }, { status: 429 })).office;
  const gone = new Office(BASE, "sesame", async () => {
    throw new TypeError("no connection");
  });

  await assert.rejects(refused.undo(), (error) => error instanceof Refusal && error.status === 401 && error.message === "No.");
  await assert.rejects(away.undo(), (error) => error instanceof ServerAway && error.isUp);
  await assert.rejects(barred.undo(), (error) => error instanceof ServerAway && error.message === "Too many wrong keys.");
  await assert.rejects(gone.undo(), (error) => error instanceof ServerAway && !error.isUp);
});

for (const hangs of ["before it answers", "half-way through its answer"]) {
  test(`a server that hangs ${hangs} is away, and may have done what it was asked to`, async () => {
    const fetch = (_, { signal }) => {
      if (hangs === "before it answers") return new Promise((_answer, fail) => signal.addEventListener("abort", () => fail(signal.reason)));
      const body = new ReadableStream({ start: (stream) => signal.addEventListener("abort", () => stream.error(signal.reason)) });
      return Promise.resolve(new Response(body));
    };
    const office = new Office(BASE, "sesame", fetch, { step: 1, reading: 1 });

    for (const call of [office.review([]), office.undo(), office.drawings({}), office.statistics()]) {
      await assert.rejects(call, (error) => error instanceof ServerAway && !error.isUp);
    }
  });
}

// --- place

test("a place survives the address, and what is none is the start", () => {
  const place = { view: "drawings", status: "all", order: "valuable", truth: "4", reading: "none", after: "1200-17" };

  assert.deepEqual(placeFrom(hashOf(place)), place);
  assert.deepEqual(placeFrom("#status=old&order=&truth=99&after=x&view=door&constructor=7"), START);
  assert.equal(hashOf(START), "#");
});

test("a square of the confusion leads to its drawings", () => {
  const { status, order, truth, reading } = placeFrom(placeOf(4, null));

  assert.deepEqual([status, order, truth, reading], ["all", "valuable", "4", "none"]);
  assert.deepEqual(queryOf(START, ""), { status: "new", order: "newest", truth: "any", reading: "any" });
  assert.equal(queryOf(START, "1-2").after, "1-2");
});

// --- words

test("a drawing is told in words", () => {
  const reading = { label: 4, confidence: 0.9994, of_truth: 0.0003, standing: "mislabelled" };
  const told = describe({ status: "accepted", truth: 7, label: 9, reading });

  assert.equal(told, "labelled 9, now 7; read as 4, 99+ %; probably labelled wrongly, over 1000 to 1; accepted");
  assert.equal(readingInWords({ label: null, confidence: 0.5, of_truth: 0.5, standing: "doubtful" }), "refused as no digit, 50 %");
});

test("shares are never rounded to certainty, and odds never under one", () => {
  assert.deepEqual([0, 0.001, 0.5, 0.996, 1].map(percent), ["0 %", "under 1 %", "50 %", "99+ %", "100 %"]);
  assert.deepEqual([odds(0.5, 0.25), odds(0.9, 0.01), odds(0.1, 0.4), odds(1, 0)], ["2.0 to 1", "90 to 1", "1.0 to 1", "over 1000 to 1"]);
});

test("a step is told in words", () => {
  const accepted = { status: "accepted", truth: 7 };

  assert.equal(verdictInWords([accepted]), "Accepted as 7.");
  assert.equal(verdictInWords([accepted, accepted]), "2 drawings accepted as 7.");
  assert.equal(verdictInWords([accepted, { status: "accepted", truth: null }]), "2 drawings accepted.");
  assert.equal(verdictInWords([{ status: "rejected", truth: 7 }]), "Rejected.");
  assert.equal(withGone(verdictInWords([accepted, accepted], 3), 1), "2 of 3 drawings accepted as 7; one was deleted meanwhile.");
  assert.equal(withGone(verdictInWords([accepted], 3), 2), "1 of 3 drawings accepted as 7; 2 were deleted meanwhile.");
  assert.equal(withGone("", 1), "This drawing was deleted meanwhile.");
});

// --- plots

const WEEK = { monday: "2026-11-02", drawings: 4, low: 0.4, median: 0.8, high: 1, told: null, agreed: 1 };

test("plots of nothing, of one and of many hold numbers alone", () => {
  const none = Array.from({ length: 11 }, () => Array(11).fill(0));
  const classes = Array.from({ length: 11 }, (_, i) => ({ truth: i < 10 ? i : null, new: 0, accepted: 0, rejected: 0 }));
  const weeks = [WEEK, { ...WEEK, monday: "2026-11-30", told: 0.2, drawings: 9 }];
  const plots = [
    statusPlot({ new: 0, accepted: 0, rejected: 0 }),
    classPlot(classes),
    confusionPlot(none),
    weeksPlot([]),
    weeksPlot([WEEK]),
    weeksPlot(weeks),
    statusPlot({ new: 0, accepted: 0, rejected: 0 }, 272),
    weeksPlot(weeks, 272),
  ];

  for (const plot of plots) {
    assert.equal(plot.name, "svg");
    assert.deepEqual(numbers(plot).filter(([, value]) => /NaN|undefined|Infinity/.test(value)), []);
  }
});

test("the bar of all drawings is divided by status", () => {
  const bars = all(statusPlot({ new: 1, accepted: 2, rejected: 1 })).filter(({ name, attributes }) => name === "rect" && attributes.y === "0");

  assert.deepEqual(bars.map(({ attributes }) => [attributes.class, attributes.x, attributes.width]), [
    ["accepted", "0", "280"],
    ["new", "280", "140"],
    ["rejected", "420", "140"],
  ]);
});

test("errors are links, darker the more there are, and squares without drawings are none", () => {
  const confusion = Array.from({ length: 11 }, (_, i) => Array.from({ length: 11 }, (_, j) => (i === j ? 50 : 0)));
  confusion[4][9] = 16;
  confusion[1][7] = 4;

  const links = all(confusionPlot(confusion)).filter(({ name }) => name === "a");
  const wrong = links.filter(({ children }) => all(children[1])[0].attributes.class === "wrong");

  assert.equal(links.length, 13);
  assert.deepEqual(wrong.map(({ attributes }) => attributes["aria-label"]), ["1 read as 7: 4", "4 read as 9: 16"]);
  assert.deepEqual(wrong.map(({ children }) => Number(children[1].attributes["fill-opacity"])), [0.35, 0.7]);
});

test("on a narrow page a plot is no wider, and no two dates lie over one another", () => {
  const weeks = Array.from({ length: 12 }, (_, i) => ({ ...WEEK, monday: `2026-${String(i + 1).padStart(2, "0")}-02` }));
  const plot = weeksPlot(weeks, 272);
  const dates = all(plot).filter(({ name, children }) => name === "text" && /^\d+ [A-Z]/.test(String(children[0])));
  const xs = dates.map(({ attributes }) => Number(attributes.x));

  assert.match(plot.attributes.viewBox ?? "", /^0 0 272 /);
  assert.ok(xs.length > 1);
  assert.ok(xs.every((x, i) => i === 0 || x - (xs[i - 1] ?? 0) > 60));
});

test("weeks stand where they are in time, and the surer the higher", () => {
  const weeks = ["2026-11-02", "2026-11-09", "2026-11-30"].map((monday, i) => ({ ...WEEK, monday, median: 0.9 - i / 10 }));
  const dots = all(weeksPlot(weeks)).filter(({ name }) => name === "circle");

  const xs = dots.map(({ attributes }) => Number(attributes.cx));
  const ys = dots.map(({ attributes }) => Number(attributes.cy));
  assert.ok(Math.abs((xs[2] - xs[1]) / (xs[1] - xs[0]) - 3) < 0.01);
  assert.deepEqual(ys, [...ys].sort((a, b) => a - b));
});

test("what was taken back is told, and whether it was what was meant", () => {
  const drawing = { id: 127, status: "new", truth: 7 };
  const again = (change) => undoneInWords([{ ...drawing, ...change }], "another").split("; ")[1];

  assert.equal(undoneInWords([], "unknown"), "There is nothing to take back.");
  assert.equal(undoneInWords([drawing], "this"), "Taken back: one drawing.");
  assert.equal(undoneInWords([drawing, drawing], "this"), "Taken back: 2 drawings.");
  assert.match(undoneInWords([drawing], "another"), /not your last step here, but the last of all; drawing 127/);
  assert.match(undoneInWords([drawing, drawing], "unknown"), /by somebody else; 2 drawings are again as they were before/);
  assert.deepEqual([{}, { status: "rejected" }, { status: "accepted", truth: null }].map(again), [
    "drawing 127 is again new, labelled 7.",
    "drawing 127 is again rejected.",
    "drawing 127 is again accepted as no digit.",
  ]);
});
