import assert from "node:assert/strict";
import test from "node:test";

import { MAX_BYTES, faultOf } from "../../src/inkdigit/server/static/limits.js";

for (const type of ["image/png", "image/jpeg", "image/webp"]) {
  test(`${type} is sent up to the limit`, () => assert.equal(faultOf({ type, size: MAX_BYTES }), null));
}

test("one byte more is not sent, and the words say how much is too much", () => {
  const fault = faultOf({ type: "image/jpeg", size: MAX_BYTES + 1 });

  assert.match(fault.what, /17 MiB; at most 16 MiB/);
  assert.equal(fault.retrying, false);
});

for (const type of ["", "image/gif", "image/svg+xml", "application/pdf", "text/plain"]) {
  test(`a file of type "${type}" is not sent`, () => {
    assert.match(faultOf({ type, size: 9 }).remedy, /PNG, JPEG or WebP/);
  });
}

test("an empty file is not sent", () => assert.match(faultOf({ type: "image/png", size: 0 }).what, /empty/));
