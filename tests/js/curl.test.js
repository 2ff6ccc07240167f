import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";

import { commandFor, curlCall, curlUpload } from "../../src/inkdigit/server/static/curl.js";

/** What a shell makes of a command line: its words. */
const words = (line) => execFileSync("sh", ["-c", `printf '%s\\n' ${line}`], { encoding: "utf8" }).trimEnd().split("\n");

test("a shell reads the call as address, content type and picture", { skip: process.platform === "win32" }, () => {
  const image = "data:image/png;base64,iVBO+/==";

  const call = curlCall(new URL("http://127.0.0.1:5000/it's/api?x=$HOME"), image);

  assert.deepEqual(words(call), [
    "curl", "-s", "http://127.0.0.1:5000/it's/api?x=$HOME",
    "-H", "Content-Type: application/json",
    "-d", JSON.stringify({ image }),
  ]);
});

test("a file is posted as it is, whatever its name", () => {
  const url = new URL("http://127.0.0.1:5000/api/v1/read");

  const call = curlUpload(url, { name: "it's 1.jpg", type: "image/jpeg" });

  assert.equal(
    call,
    String.raw`curl -s 'http://127.0.0.1:5000/api/v1/read' -H 'Content-Type: image/jpeg' --data-binary '@it'\''s 1.jpg'`,
  );
});

test("a file of which the system knows no type is posted as bytes", () => {
  const call = curlUpload(new URL("http://127.0.0.1:5000/"), { name: "photo", type: "" });

  assert.ok(call.includes("-H 'Content-Type: application/octet-stream'"));
});

test("a call whose answer was given with a layer has it, too", () => {
  const call = curlCall(new URL("http://127.0.0.1:5000/"), "data:,", { layer: "abc" });

  assert.ok(call.endsWith(`-d '{"image":"data:,","layer":"abc"}'`));
});

for (const [name, path] of [
  ["$(touch x) 1.jpg", "$(touch x) 1.jpg"],
  ["it's.jpg", "it's.jpg"],
  ["-o.jpg", "./-o.jpg"],
]) {
  test(`a shell reads the command for ${name} as one that reads this file`, { skip: process.platform === "win32" }, () => {
    const upload = curlUpload(new URL("http://127.0.0.1:5000/"), { name, type: "image/jpeg" });

    assert.deepEqual(words(commandFor(name)), ["inkdigit", "read", path]);
    assert.equal(words(upload).at(-1), `@${path}`);
  });
}
