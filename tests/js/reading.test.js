import assert from "node:assert/strict";
import test from "node:test";

import {
  asCsv, asText, choicesOf, choose, doubtsOf, isCorrected, isDoubtful, lengthOf, recalled, settled, shownOf, standing,
  textOf,
} from "../../src/inkdigit/server/static/reading.js";

const BOX = [1, 2, 30, 40];

/** A number whose last digit is a doubtful 7 that may be a 1. */
const number = (text, confidence = 0.9) => ({
  confidence,
  box: BOX,
  digits: [...text].map((label, i) => ({
    label,
    confidence: i === text.length - 1 ? 0.6 : 0.99,
    box: BOX,
    doubtful: i === text.length - 1,
    alternatives: i === text.length - 1 ? [{ label: "1", confidence: 0.3 }, { label: "", confidence: 0.1 }] : [],
  })),
});

test("a choice changes one place of one number, and the number before stays as it was", () => {
  const before = [number("47"), number("57")];

  const after = choose(before, { number: 1, digit: 1 }, "1");

  assert.deepEqual(after.map(textOf), ["47", "51"]);
  assert.deepEqual(before.map(textOf), ["47", "57"]);
  assert.equal(after[0], before[0]);
});

test("doubt is over once a person chose, also for what was read", () => {
  const [after] = choose([number("47")], { number: 0, digit: 1 }, "7");

  assert.equal(doubtsOf(number("47")), 1);
  assert.equal(doubtsOf(after), 0);
  assert.equal(isDoubtful(after.digits[1]), false);
  assert.equal(isCorrected(after), true);
});

test("a choice can be taken back", () => {
  const place = { number: 0, digit: 1 };

  const [after] = choose(choose([number("47")], place, ""), place, "7");

  assert.equal(textOf(choose([number("47")], place, "")[0]), "4");
  assert.equal(shownOf(after.digits[1]), "7");
});

const at = (box) => (digit) => ({ ...digit, box });

test("what was said holds for another reading, in the place where it was said", () => {
  const [before] = choose([number("47")], { number: 0, digit: 0 }, "9");
  const places = [[0, 0, 60, 100], [40, 0, 50, 100]]; // the roof of the 7 is over the 4
  const said = before.digits.map((digit, i) => at(places[i])(digit));
  const [four, seven] = number("47").digits;
  const again = [{ ...number("47"), digits: [at([1, 0, 60, 101])(four), at(places[1])(seven)] }];

  const texts = [said, said.slice(0, 1), said.slice(1), []].map((some) => textOf(recalled(again, some)[0]));

  assert.deepEqual(texts, ["97", "97", "47", "47"]);
  assert.deepEqual(recalled(again, said)[0].digits.map(({ chosen }) => chosen), ["9", undefined]);
});

test("what was called right stays so when it is read as something else", () => {
  const said = number("47").digits.map((digit, i) => at([i * 60, 0, 50, 90])(digit));
  const again = { ...number("41"), digits: number("41").digits.map((digit, i) => at([i * 60, 0, 50, 90])(digit)) };

  assert.deepEqual(recalled([again], said)[0].digits.map(({ chosen }) => chosen), [undefined, "7"]);
});

test("what was taken away stays away", () => {
  const [before] = choose([number("7")], { number: 0, digit: 0 }, "");

  assert.equal(textOf(recalled([number("7")], before.digits)[0]), "");
});

test("a character that was given away stands until it is not any more", () => {
  const before = choose([number("12"), number("34")], { number: 1, digit: 0 }, "9");
  const place = { number: 1, digit: 0 };

  const given = settled(before, (i) => i === 2);

  assert.equal(choose(given, place, "5"), given);
  assert.deepEqual(choose(given, { number: 1, digit: 1 }, "5").map(textOf), ["12", "95"]);
  assert.deepEqual(choose(settled(given, () => false), place, "5").map(textOf), ["12", "54"]);
  assert.equal(settled(given, (i) => i === 2), given);
});

test("the choices are what was read and the alternatives, each once", () => {
  const [, digit] = number("47").digits;
  const twice = { ...digit, alternatives: [...digit.alternatives, { label: "7", confidence: 0.1 }] };

  assert.deepEqual(choicesOf(digit).map(({ label }) => label), ["7", "1", ""]);
  assert.deepEqual(choicesOf(twice), choicesOf(digit));
});

test("characters are counted over all numbers", () => {
  assert.equal(lengthOf([]), 0);
  assert.equal(lengthOf([number("4007"), number("12")]), 6);
});

test("as text there is one number a line", () => {
  assert.equal(asText([number("4007"), number("-3.50")]), "4007\n-3.50\n");
});

test("a number of which every character is taken away is in no table", () => {
  const [gone] = choose([number("7")], { number: 0, digit: 0 }, "");

  assert.equal(asText([gone, number("12")]), "12\n");
  assert.deepEqual(asCsv([gone, number("12")]).split("\r\n").slice(1), ["1,12,0.9,1?,1,2,30,40", ""]);
});

test("as CSV there is a heading, a row for each number, and no formula", () => {
  const [chosen] = choose([number("17", 0.5)], { number: 0, digit: 1 }, "1");

  const rows = asCsv([number("4007"), chosen, number("-12"), number("=1"), number("-1-2"), number("3,5")]).split("\r\n");

  assert.deepEqual(rows, [
    "number,text,confidence,doubt,x,y,width,height",
    "1,4007,0.9,400?,1,2,30,40",
    "2,11,,,1,2,30,40",
    "3,-12,0.9,'-1?,1,2,30,40",
    "4,'=1,0.9,'=?,1,2,30,40",
    "5,'-1-2,0.9,'-1-?,1,2,30,40",
    '6,"3,5",0.9,"3,?",1,2,30,40',
    "",
  ]);
});

test("of what was said what was given away stands, also where it is as it was read", () => {
  const [{ digits }] = choose([number("4075")], { number: 0, digit: 1 }, "6");

  const stands = standing(digits, (place) => place === 1 || place === 2);

  assert.deepEqual(stands.map(({ chosen }) => chosen), ["6", "7"]);
  assert.deepEqual(standing(digits, () => false), []);
});
