import assert from "node:assert/strict";
import test from "node:test";

import { Refusal, ServerAway, isReady, predict } from "../../src/inkdigit/server/static/api.js";

const URL_ = new URL("http://127.0.0.1:1/api/v1/predict");
const SEVEN = {
  label: 7,
  confidence: 0.998,
  is_digit: true,
  probabilities: [0, 0, 0, 0, 0, 0, 0, 0.998, 0.002, 0],
  model: "test-1",
};

/** Answers with a response, or rejects when the call is given up. */
const replying = (body, init) => async () => new Response(typeof body === "string" ? body : JSON.stringify(body), init);
const silent = (_, { signal }) =>
  new Promise((_answer, fail) => {
    if (signal.aborted) fail(signal.reason);
    signal.addEventListener("abort", () => fail(signal.reason));
  });

test("the picture is posted as JSON and the prediction comes back", async () => {
  const calls = [];
  const fetch = async (url, request) => {
    calls.push([url.href, request.method, request.headers["Content-Type"], JSON.parse(request.body)]);
    return Response.json(SEVEN);
  };

  const answer = await predict(URL_, "data:image/png;base64,AA==", { fetch });

  assert.deepEqual(calls, [[URL_.href, "POST", "application/json", { image: "data:image/png;base64,AA==" }]]);
  assert.deepEqual(answer, { ...SEVEN, input: "" });
});

test("an explanation comes with its place", async () => {
  const explained = { ...SEVEN, explanation: "data:image/png;base64,AA==", place: { left: -3.5, top: 10, side: 252 } };

  assert.deepEqual(await predict(URL_, "", { fetch: replying(explained) }), { ...explained, input: "" });
});

for (const place of [undefined, null, {}, { left: 1, top: 2 }, { left: "1", top: 2, side: 3 }]) {
  test(`an explanation at ${JSON.stringify(place)} is left out`, async () => {
    const answer = await predict(URL_, "", { fetch: replying({ ...SEVEN, explanation: "data:,", place }) });

    assert.deepEqual(answer, { ...SEVEN, input: "" });
  });
}

test("a server that does not answer is away", async () => {
  const fetch = async () => {
    throw new TypeError("Failed to fetch");
  };

  await assert.rejects(predict(URL_, "", { fetch }), ServerAway);
  assert.equal(await isReady(URL_, { fetch }), false);
});

test("a server that takes too long is away", async () => {
  await assert.rejects(predict(URL_, "", { fetch: silent, patience: 1 }), ServerAway);
});

for (const status of [429, 502, 503, 504]) {
  test(`status ${status} means "not now"`, async () => {
    await assert.rejects(predict(URL_, "", { fetch: replying("", { status }) }), ServerAway);
  });
}

test("a problem is told in the server's own words", async () => {
  const problem = { type: "image-too-large", title: "Too large", status: 413, detail: "At most 4 MiB, please." };

  const refused = predict(URL_, "", { fetch: replying(problem, { status: 413 }) });

  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof Refusal);
    assert.deepEqual([error.message, error.status, error.type], ["At most 4 MiB, please.", 413, "image-too-large"]);
    return true;
  });
});

test("an error without words is told by its status", async () => {
  const refused = predict(URL_, "", { fetch: replying("<h1>oops</h1>", { status: 500 }) });

  await assert.rejects(refused, { message: "The server answered with status 500." });
});

for (const body of ["null", "[]", "{}", "<html>", '{"label": 7, "probabilities": [1]}', '{"label": "7"}']) {
  test(`${body} is no prediction`, async () => {
    await assert.rejects(predict(URL_, "", { fetch: replying(body) }), Refusal);
  });
}

test("an answer that breaks off half-way means that the server is away", async () => {
  const body = new ReadableStream({ start: (stream) => stream.error(new TypeError("terminated")) });

  await assert.rejects(predict(URL_, "", { fetch: async () => new Response(body) }), ServerAway);
});

test("giving up ends the call with the reason", async () => {
  const controller = new AbortController();
  const call = predict(URL_, "", { fetch: silent, signal: controller.signal });

  controller.abort(new Error("drawn on"));

  await assert.rejects(call, { message: "drawn on" });
});

test("a call that was given up beforehand is not waited for", async () => {
  const call = predict(URL_, "", { fetch: silent, signal: AbortSignal.abort(new Error("too late")) });

  await assert.rejects(call, { message: "too late" });
});

test("a server that answers is ready, and one that drains is not", async () => {
  assert.equal(await isReady(URL_, { fetch: replying({ status: "ok" }) }), true);
  assert.equal(await isReady(URL_, { fetch: replying({ status: "draining" }, { status: 503 }) }), false);
});
