import assert from "node:assert/strict";
import test from "node:test";

import { GLYPHS } from "../../src/inkdigit/server/static/glyphs.js";

test("there is a figure for every digit, for every sign in numbers, for a doubt and an error", () => {
  assert.deepEqual(Object.keys(GLYPHS).sort(), [..."!,-./0123456789:=?"]);
});

for (const [sign, path] of Object.entries(GLYPHS)) {
  test(`the figure ${sign} stays in its box`, () => {
    const numbers = path.match(/\d+/g).map(Number);

    assert.ok(Math.min(...numbers) >= 7 && Math.max(...numbers) <= (sign === "," ? 147 : 132));
  });
}
