import assert from "node:assert/strict";
import test from "node:test";

import { MAX_BYTES, Unopened, faultOf, firstPicture, tryOpening } from "../../src/inkdigit/server/static/limits.js";

for (const type of ["image/png", "image/jpeg", "image/webp"]) {
  test(`${type} is sent up to the limit`, () => assert.equal(faultOf({ type, size: MAX_BYTES }), null));
}

test("one byte more is not sent, and the words say how much is too much", () => {
  const fault = faultOf({ type: "image/jpeg", size: MAX_BYTES + 1 });

  assert.match(fault.what, /17 MiB; at most 16 MiB/);
  assert.equal(fault.retrying, false);
});

for (const type of ["image/gif", "image/svg+xml", "application/pdf", "text/plain"]) {
  test(`a file of type "${type}" is not sent`, () => {
    assert.match(faultOf({ type, size: 9 }).remedy, /PNG, JPEG or WebP/);
  });
}

test("a file of which the system knows no type is sent: the server goes by the contents", () => {
  assert.equal(faultOf({ type: "", size: 9 }), null);
});

test("of several files the first picture is taken, or else the first that may be one, or else the first", () => {
  const [text, unknown, large, picture] = [
    { type: "text/plain", size: 9 },
    { type: "", size: 9 },
    { type: "image/png", size: MAX_BYTES + 1 },
    { type: "image/png", size: 9 },
  ];

  assert.equal(firstPicture([text, unknown, large, picture, { ...picture }]), picture);
  assert.equal(firstPicture([text, large, unknown]), unknown);
  assert.equal(firstPicture([text, large]), text);
  assert.equal(firstPicture([]), undefined);
});

test("a folder, or a file that is gone, is said to be one that cannot be opened", async () => {
  const gone = { slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException("gone", "NotFoundError")) }) };

  await tryOpening(new Blob(["photo"]));
  await assert.rejects(tryOpening(gone), (error) => error instanceof Unopened && error.problem.what === "This file cannot be opened.");
});

test("an empty file is not sent", () => assert.match(faultOf({ type: "image/png", size: 0 }).what, /empty/));
