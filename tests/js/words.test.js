import assert from "node:assert/strict";
import test from "node:test";

import {
  labelInWords, nameOf, nameOfNumber, percent, placeOf, runnerUp, verdictOf, wordsOfCorrection, wordsOfDrawing, wordsOfPicture,
} from "../../src/inkdigit/server/static/words.js";

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

test("a digit with something beside it that may not have been read is never sure", () => {
  const { mood, headline, detail, signs } = verdictOf({ ...answer({ 5: 0.999 }), alone: 0.93 });

  assert.deepEqual([mood, headline, signs], ["unsure", "Unsure: a 5, with something beside it.", ["5", "?"]]);
  assert.equal(plain(detail), "93.0 % for the 5; what stands beside it may not have been read.");
  assert.match(plain(verdictOf({ ...answer({ 5: 0.8 }), alone: 0.93 }).detail), /^80\.0 % for the 5;/);
  assert.equal(verdictOf({ ...answer({ 5: 0.3 }, false), alone: 0.93 }).mood, "none");
  assert.equal(plain(wordsOfCorrection({ ...answer({ 5: 0.999 }), alone: 0.93 }, 5).detail), "It was read as a 5, 99.9 %.");
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

const BOX = [0, 0, 9, 9];

/** A number, with a confidence for each character; those below 0.9 are doubtful, and may be a 1 instead. */
function number(text, ...confidences) {
  const digits = [...text].map((label, i) => {
    const confidence = confidences[i] ?? 0.99;
    const alternatives = confidence < 0.9 ? [{ label: "1", confidence: 0.9 - confidence }] : [];
    return { label, confidence, box: BOX, doubtful: confidence < 0.9, alternatives };
  });
  return { confidence: 0.97, box: BOX, digits };
}

const chosen = (one, place, label) => ({
  ...one,
  digits: one.digits.map((digit, i) => (i === place ? { ...digit, chosen: label } : digit)),
});
const words = ({ headline, detail }) => plain(`${headline} ${detail}`);

for (const [name, said, expected] of [
  ["a sure number", wordsOfDrawing([number("4007")]), "That is 4007. Quite sure, 97.0 %."],
  [
    "one doubtful digit",
    wordsOfDrawing([number("4007", 1, 1, 1, 0.6)]),
    "Probably 4007. The 4th digit is doubtful: 7, 60.0 %, or perhaps 1.",
  ],
  [
    "a number that is unsure as a whole",
    wordsOfDrawing([{ ...number("4007"), confidence: 0.6 }]),
    "Probably 4007. Not quite sure, 60.0 %.",
  ],
  [
    "a number of which no digit is doubtful, though the whole is not quite sure",
    wordsOfDrawing([{ ...number("4007"), confidence: 0.806 }]),
    "Probably 4007. Not quite sure, 80.6 %.",
  ],
  [
    "a number that is just sure enough",
    wordsOfDrawing([{ ...number("4007"), confidence: 0.85 }]),
    "That is 4007. Fairly sure, 85.0 %.",
  ],
  ["a number that ends in a point", wordsOfDrawing([number("41.")]), "That is 41. Quite sure, 97.0 %."],
  ["a number that ends in a comma", wordsOfDrawing([number("41,")]), "That is 41, Quite sure, 97.0 %."],
  ["numbers of which the last ends in a point", wordsOfDrawing([number("3"), number("41.")]), "3 and 41. No digit is doubtful."],
  [
    "a number of which a person took the point",
    wordsOfDrawing([chosen(number("41."), 2, "")], true),
    "That is 41, as you say. It was read as 41.",
  ],
  [
    "several doubtful digits",
    wordsOfDrawing([number("23", 0.5, 0.6)]),
    "Probably 23. 2 of its digits are doubtful; choose one to see what else it may be.",
  ],
  [
    "a number as a person has it",
    wordsOfDrawing([chosen(number("4007", 1, 1, 1, 0.6), 3, "1")]),
    "4001, as you chose. Nothing in it is doubtful any more.",
  ],
  ["a number in which nothing was doubtful", wordsOfDrawing([chosen(number("47"), 0, "9")]), "97, as you chose. Nothing in it is doubtful."],
  ["a number that is right as it was read", wordsOfDrawing([number("4007", 1, 1, 0.6, 0.6)], true), "That is 4007, as you say. Quite sure, 97.0 %."],
  [
    "a number that is right as a person has it",
    wordsOfDrawing([chosen(number("4007"), 3, "1"), number("5")], true),
    "That is 4001 and 5, as you say. It was read as 4007 and 5.",
  ],
  ["a number of which a person chose what was read", wordsOfDrawing([chosen(number("47"), 0, "4")], true), "That is 47, as you say. Quite sure, 97.0 %."],
  ["a number that is rightly nothing", wordsOfDrawing([chosen(number("7"), 0, "")], true), "That is nothing, as you say. It was read as 7."],
  ["a number that is taken away", wordsOfDrawing([chosen(number("7"), 0, "")]), "Nothing, as you chose. All of it is taken away."],
  [
    "two numbers of which one is taken away",
    wordsOfDrawing([number("12"), chosen(number("7"), 0, "")]),
    "12. No digit is doubtful.",
  ],
  ["two numbers", wordsOfDrawing([number("12"), number("34")]), "12 and 34. No digit is doubtful."],
  [
    "three numbers with a doubt",
    wordsOfDrawing([number("1"), number("2", 0.5), number("3")]),
    "1, 2 and 3. One digit is doubtful; choose it to see what else it may be.",
  ],
  ["a picture of one", wordsOfPicture([number("12")], number("12")), "One number. 12: quite sure, 97.0 %."],
  [
    "a picture of two, one of them looked at",
    wordsOfPicture([number("12"), number("34")], number("3.4", 0.5)),
    "2 numbers. 3.4: the 1st character is doubtful: 3, 50.0 %, or perhaps 1.",
  ],
  [
    "a picture of two, of which the one looked at is taken away",
    wordsOfPicture([number("12"), chosen(number("7"), 0, "")], chosen(number("7"), 0, "")),
    "One number. The marked one is taken away.",
  ],
  [
    "a picture of one that is taken away",
    wordsOfPicture([chosen(number("7"), 0, "")], chosen(number("7"), 0, "")),
    "No number is left. The marked one is taken away.",
  ],
  ["a picture of none", wordsOfPicture([], undefined), "No numbers found. The picture shows none that can be read."],
]) {
  test(`${name} in words`, () => assert.equal(words(said), expected));
}

test("a character is named with its doubt, and signs by their names", () => {
  const [seven, point] = number("7.", 0.6).digits;

  assert.equal(plain(nameOf(seven)), "7, doubtful, 60.0 %");
  assert.equal(plain(nameOf(point)), "point, 99.0 %");
  assert.equal(plain(nameOf({ ...seven, repairedFrom: "1" })), "7, doubtful, 60.0 %, read as 1 at first");
  assert.equal(nameOf({ ...seven, chosen: "" }), "nothing, chosen by you");
  assert.equal(nameOf({ ...seven, chosen: "1", isFinal: true }), "1, chosen by you, given away");
  assert.equal(plain(nameOf({ ...point, isFinal: true })), "point, 99.0 %, given away");
});

test("a number is named with its doubts", () => {
  const doubtful = number("23", 0.5, 0.6);

  assert.equal(nameOfNumber(number("23")), "23");
  assert.equal(nameOfNumber(doubtful), "23, 2 doubtful digits");
  assert.equal(nameOfNumber(chosen(doubtful, 0, "1")), "13, one doubtful digit");
  assert.equal(nameOfNumber(chosen(number("23"), 0, "1")), "13, chosen by you");
  assert.equal(nameOfNumber(chosen(number("2"), 0, "")), "nothing, chosen by you");
});

for (const [index, said] of [[0, "1st"], [1, "2nd"], [2, "3rd"], [3, "4th"], [10, "11th"], [12, "13th"], [20, "21st"]]) {
  test(`place ${index} is the ${said}`, () => assert.equal(placeOf(number("1".repeat(30)), index), `${said} digit`));
}

for (const [name, read, label, headline, detail] of [
  ["another digit", answer({ 7: 0.62, 1: 0.3 }), 1, "That is a 1, as you say.", "It was read as a 7, 62.0 %."],
  ["the same one", answer({ 8: 0.99 }), 8, "That is an 8, as you say.", "Quite sure, 99.0 %."],
  ["no digit", answer({ 8: 0.99 }), null, "That is no digit, as you say.", "It was read as an 8, 99.0 %."],
  ["a digit of what was taken for none", answer({ 8: 0.4 }, false), 8, "That is an 8, as you say.", "It was taken for no digit."],
  ["no digit of what was taken for none", answer({ 8: 0.4 }, false), null, "That is no digit, as you say.", "It did not look like one, either."],
]) {
  test(`who says ${name} is not contradicted`, () => {
    const words = wordsOfCorrection(read, label);

    assert.deepEqual([words.headline, words.detail].map(plain), [headline, detail]);
    assert.deepEqual(words.signs, [label === null ? "?" : `${label}`]);
  });
}

test("a label stands for itself in a list", () => {
  assert.deepEqual([null, 8, 1].map(labelInWords), ["No digit", "An 8", "A 1"]);
});

test("an answer that was given with what was learned says so", () => {
  const { detail } = verdictOf({ ...answer({ 7: 0.99 }), adapted: true });

  assert.equal(plain(detail), "Quite sure, 99.0 %, with what it learned from you.");
  for (const one of [answer({ 4: 0.531, 9: 0.442 }), answer({ 8: 0.14 }, false)]) {
    assert.match(verdictOf({ ...one, adapted: true }).detail, /, with what it learned from you\.$/);
    for (const label of [4, 8, null]) {
      assert.match(wordsOfCorrection({ ...one, adapted: true }, label).detail, /, with what it learned from you\.$/);
    }
  }
  assert.equal(plain(verdictOf({ ...answer({ 7: 0.99 }), adapted: false }).detail), "Quite sure, 99.0 %.");
});
