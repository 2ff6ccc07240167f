import assert from "node:assert/strict";
import test from "node:test";

import { percent, runnerUp, verdictOf } from "../../src/inkdigit/server/static/words.js";

const plain = (text) => text.replaceAll("\u00a0", " ");

/** The likeliest digits and their shares; the rest of the ten gets nothing. */
function answer(shares, is_digit = true) {
  const probabilities = Array.from({ length: 10 }, (_, digit) => shares[digit] ?? 0);
  const confidence = Math.max(...probabilities);
  return { label: probabilities.indexOf(confidence), confidence, is_digit, probabilities, model: "test-1" };
}

for (const [share, text] of [
  [0.998, "99.8 %"],
  [0.99996, "99.9 %"],
  [0.9999999, "99.9 %"],
  [1, "100 %"],
  [0.5, "50.0 %"],
  [0.001, "0.1 %"],
  [0.0004, "under 0.1 %"],
  [0, "0 %"],
]) {
  test(`${share} reads ${text}`, () => assert.equal(plain(percent(share)), text));
}

test("a share never breaks from its unit", () => {
  assert.doesNotMatch(percent(0.5), / /);
});

test("a sure answer says the digit, how sure, and the share", () => {
  const { mood, headline, detail, signs } = verdictOf(answer({ 7: 0.9991 }));

  assert.deepEqual([mood, headline, plain(detail), signs], ["sure", "That is a 7.", "As good as certain, 99.9 %.", ["7"]]);
});

for (const [share, words] of [[0.97, "Quite sure"], [0.9, "Fairly sure"], [0.71, "Not quite sure"]]) {
  test(`${share} is ${words.toLowerCase()}`, () => {
    assert.match(verdictOf(answer({ 3: share })).detail, new RegExp(`^${words}, `));
  });
}

test("an unsure answer names the runner-up", () => {
  const { mood, headline, detail, signs } = verdictOf(answer({ 4: 0.531, 9: 0.442 }));

  assert.deepEqual([mood, headline, signs], ["unsure", "Unsure: a 4, or perhaps a 9.", ["4", "9"]]);
  assert.equal(plain(detail), "53.1 % for the 4, 44.2 % for the 9.");
});

test("what is no digit is said so, with the closest guess in small print alone", () => {
  const { mood, headline, detail, signs } = verdictOf(answer({ 8: 0.14 }, false));

  assert.deepEqual([mood, headline, signs], ["none", "That does not look like a digit.", ["?"]]);
  assert.equal(plain(detail), "Closest guess: an 8, 14.0 %.");
});

test("the runner-up is the likeliest other digit, whatever the label", () => {
  assert.equal(runnerUp([0.1, 0.5, 0.4, 0, 0, 0, 0, 0, 0, 0], 1), 2);
  assert.equal(runnerUp([0.1, 0.5, 0.4, 0, 0, 0, 0, 0, 0, 0], 2), 1);
});
