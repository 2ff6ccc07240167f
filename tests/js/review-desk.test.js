import assert from "node:assert/strict";
import { test } from "node:test";

import { Desk, goneOf, isJust, meaningOf } from "../../src/inkdigit/server/static/review-desk.js";

// Of a drawing labelled 1 and read as 7.
const READING = {
  label: 7,
  confidence: 0.95,
  of_truth: 0.001,
  standing: "mislabelled",
  shares: [0, 0.001, 0, 0, 0, 0, 0, 0.95, 0, 0.03, 0.019],
  standings: [...Array(7).fill("mislabelled"), "agrees", "mislabelled", "disagrees", "disagrees"],
};

/** @param {number} id */
function drawing(id, truth = 1) {
  return { id, status: "new", truth, label: truth, image: "", created: "", reading: READING };
}

function deskOf(count = 6, next = null) {
  const desk = new Desk();
  desk.begin({ drawings: Array.from({ length: count }, (_, i) => drawing(i + 1)), next });
  return desk;
}

function standing(desk) {
  return desk.drawings.map(({ status, truth }) => `${status} ${truth}`);
}

test("an empty desk has nothing to look at, to judge or to take back", () => {
  const desk = new Desk();

  assert.deepEqual([desk.focused, desk.judge("accept"), desk.undo(), desk.number], [null, null, null, 0]);
});

test("a verdict goes to the drawing that is looked at, and the next one is looked at then", () => {
  const desk = deskOf(3);

  const step = desk.judge("accept");

  assert.deepEqual(step.verdicts, [{ id: 1, status: "accepted", truth: 1 }]);
  assert.deepEqual(standing(desk), ["accepted 1", "new 1", "new 1"]);
  assert.equal(desk.focus, 1);
});

test("a digit accepts the drawing as that digit, n as none, x rejects it and leaves its label", () => {
  const desk = deskOf(3);

  for (const key of ["4", "n", "x"]) desk.judge(meaningOf({ key }).act);

  assert.deepEqual(standing(desk), ["accepted 4", "accepted null", "rejected 1"]);
});

test("what was read is weighed against the label that a verdict gave, and against the old one when it is taken back", () => {
  const desk = deskOf(1);
  const weighed = () => [desk.drawings[0].reading.standing, desk.drawings[0].reading.of_truth];
  const seen = ["7", "9", "n", "x", "1"].map((key) => {
    desk.judge(meaningOf({ key }).act);
    return weighed();
  });
  while (desk.undo());

  assert.deepEqual(seen, [["agrees", 0.95], ["disagrees", 0.03], ["disagrees", 0.019], ["disagrees", 0.019], ["mislabelled", 0.001]]);
  assert.deepEqual(weighed(), ["mislabelled", 0.001]);
});

test("a verdict goes to all that are selected, and then nothing is", () => {
  const desk = deskOf(4);
  desk.choose(1);
  desk.choose(3);

  const step = desk.judge({ truth: 8 });

  assert.deepEqual(step.verdicts.map(({ id }) => id), [2, 4]);
  assert.equal(desk.chosen, 0);
  assert.equal(desk.focus, 0);
});

test("select all takes what was not judged yet, and again nothing", () => {
  const desk = deskOf(4);
  desk.judge("reject");

  desk.chooseAll();
  const first = desk.chosen;
  desk.chooseAll();

  assert.deepEqual([first, desk.chosen], [3, 0]);
});

test("a range is selected from the drawing that is looked at", () => {
  const desk = deskOf(6);
  desk.focusOn(4);

  desk.chooseTo(2);

  assert.deepEqual(desk.drawings.map(({ id }) => desk.isChosen(id)), [false, false, true, true, true, false]);
});

test("judged drawings are skipped, also from the end to the beginning", () => {
  const desk = deskOf(3);
  desk.focusOn(1);

  desk.judge("accept");
  desk.judge("accept");

  assert.equal(desk.focus, 0);
  assert.equal(desk.isDone, false);
  desk.judge("accept");
  assert.equal(desk.isDone, true);
});

test("every step is taken back in turn, and looked at", () => {
  const desk = deskOf(3);
  desk.judge("accept");
  desk.focusOn(0);
  desk.judge("reject");
  desk.chooseAll();
  desk.judge({ truth: 7 });

  const states = [standing(desk)];
  while (desk.undo()) states.push(standing(desk));

  assert.deepEqual(states, [
    ["rejected 1", "accepted 7", "accepted 7"],
    ["rejected 1", "new 1", "new 1"],
    ["accepted 1", "new 1", "new 1"],
    ["new 1", "new 1", "new 1"],
  ]);
  assert.equal(desk.focus, 0);
});

test("a step that did not come about is taken back without those after it", () => {
  const desk = deskOf(3);
  const first = desk.judge("accept");
  desk.judge("reject");

  desk.takeBack(first);

  assert.deepEqual(standing(desk), ["new 1", "rejected 1", "new 1"]);
});

test("pages keep their place, and undo finds the page of its step", () => {
  const desk = deskOf(3, "0-3");
  desk.focusOn(1);
  desk.judge("accept");
  desk.add({ drawings: [drawing(4), drawing(5)], next: null }, "0-3");
  desk.focusOn(1);

  desk.turn(-1);
  const before = [desk.number, desk.focus, desk.hasBefore, desk.hasNext, desk.wanted];
  desk.turn(1);
  const after = [desk.number, desk.focus, desk.hasBefore, desk.hasNext, desk.after];
  desk.undo();

  assert.deepEqual(before, [1, 2, false, true, null]);
  assert.deepEqual(after, [2, 1, true, false, "0-3"]);
  assert.deepEqual([desk.number, desk.focus, standing(desk)[1]], [1, 1, "new 1"]);
});

test("the last page that is there wants the next one", () => {
  assert.equal(deskOf(3, "0-3").wanted, "0-3");
  assert.equal(deskOf(3).hasNext, false);
});

test("arrows move in the grid and stay on it", () => {
  const desk = deskOf(7);
  const places = ["right", "down", "down", "right", "up", "left", "last", "left", "first", "left", "up"].map((move) => {
    desk.move(move, 3);
    return desk.focus;
  });

  assert.deepEqual(places, [1, 4, 6, 6, 3, 2, 6, 5, 0, 0, 0]);
});

test("keys with Ctrl mean what they mean everywhere, and other keys nothing", () => {
  const meanings = [
    { key: "a", ctrlKey: true },
    { key: "z", metaKey: true },
    { key: "7", ctrlKey: true },
    { key: "7", altKey: true },
    { key: "A" },
    { key: "Tab" },
    { key: "F5" },
    { key: "toString" },
  ].map((key) => meaningOf(key));

  assert.deepEqual(meanings, [{ command: "all" }, { command: "undo" }, null, null, { act: "accept" }, null, null, null]);
});

test("a step that could not be taken back stands again where it stood, under the later ones", () => {
  const desk = deskOf(2);
  desk.judge("reject");
  desk.focusOn(0);
  desk.judge({ truth: 4 });
  const undone = desk.undo();
  desk.focusOn(0);
  desk.judge({ truth: 9 });

  desk.putBack(undone);

  assert.deepEqual(standing(desk), ["accepted 9", "new 1"]);
  desk.undo();
  assert.deepEqual(standing(desk), ["accepted 4", "new 1"]);
});

test("a step on pages that are gone comes back to no other ones", () => {
  const desk = deskOf(2);
  desk.judge("reject");
  const undone = desk.undo();
  desk.begin({ drawings: [drawing(1), drawing(2)], next: null });

  desk.putBack(undone);

  assert.deepEqual([standing(desk), desk.canUndo], [["new 1", "new 1"], false]);
});

test("what was taken back is a step if it is all that the step changed, and nothing else", () => {
  const desk = deskOf(3);
  desk.judge("accept");
  desk.chooseTo(0);
  desk.choose(2);
  desk.chooseTo(1);
  const step = desk.judge("accept"); // the first was so already
  const [second, third] = [2, 3].map((id) => ({ id, status: "new", truth: 1 }));

  assert.ok(isJust(step, [third, second]));
  assert.ok(!isJust(step, [second]));
  assert.ok(!isJust(step, [second, { ...third, truth: 5 }]));
  assert.ok(!isJust(step, [second, { ...third, id: 4 }]));
  assert.ok(!isJust(step, [{ id: 1, status: "new", truth: 1 }, second, third]));
});

test("what is gone leaves the page and every step, and another is not looked at for it", () => {
  const desk = deskOf(4);
  const first = desk.judge("accept");
  desk.choose(2);
  const second = desk.judge("reject");
  desk.focusOn(3);

  desk.drop([1, 3], second);

  assert.deepEqual([desk.drawings.map(({ id }) => id), desk.focused.id], [[2, 4], 4]);
  assert.deepEqual([first.verdicts, second.verdicts, second.before], [[], [], []]);
  assert.equal(desk.canUndo, false);
});

test("what is gone leaves the rest of its step to be taken back", () => {
  const desk = deskOf(3);
  desk.chooseAll();
  const step = desk.judge("reject");

  desk.drop([2], step);

  assert.deepEqual(step.verdicts.map(({ id }) => id), [1, 3]);
  assert.ok(isJust(step, [1, 3].map((id) => ({ id, status: "new", truth: 1 }))));
  assert.equal(desk.undo(), step);
  assert.deepEqual(standing(desk), ["new 1", "new 1"]);
});

test("of a step that was taken back without some drawings, those are gone; of another step none is", () => {
  const desk = deskOf(3);
  desk.chooseAll();
  const step = desk.judge("reject");
  const again = (id, status = "new") => ({ id, status, truth: 1 });

  assert.deepEqual(goneOf(step, [again(1), again(3)]), [2]);
  assert.deepEqual(goneOf(step, [again(1), again(3, "accepted")]), []);
  assert.deepEqual(goneOf(step, [again(7)]), []);
  assert.deepEqual(goneOf(step, []), []);
});
