import assert from "node:assert/strict";
import test from "node:test";

import { Refusal, ServerAway, adapt, deleteDrawing, isReady, keepDrawing, predict, read } from "../../src/inkdigit/server/static/api.js";

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

  await assert.rejects(predict(URL_, "", { fetch }), (error) => error instanceof ServerAway && !error.isUp);
  assert.equal(await isReady(URL_, { fetch }), false);
});

test("a server that takes too long is away", async () => {
  await assert.rejects(predict(URL_, "", { fetch: silent, patience: 1 }), (error) => error instanceof ServerAway && !error.isUp);
});

for (const status of [429, 502, 503, 504]) {
  test(`status ${status} means "not now"`, async () => {
    await assert.rejects(predict(URL_, "", { fetch: replying("", { status }) }), (error) => error instanceof ServerAway && error.isUp);
  });

  test(`status ${status} is told in the server's own words`, async () => {
    const wrongKeys = replying({ detail: "Too many wrong keys; try again in 42 s." }, { status });

    await assert.rejects(predict(URL_, "", { fetch: wrongKeys }), { message: "Too many wrong keys; try again in 42 s." });
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

/** Answers with headers and half a body, and holds; a browser breaks such a body off without the reason. */
const stalling = (init) => async (_, { signal }) =>
  new Response(
    new ReadableStream({
      start: (stream) => {
        stream.enqueue(new TextEncoder().encode('{"label'));
        signal.addEventListener("abort", () => stream.error(new DOMException("aborted", "AbortError")));
      },
    }),
    init,
  );

for (const status of [200, 422, 503]) {
  test(`an answer of status ${status} that stalls behind its headers means that the server is away`, async () => {
    const call = predict(URL_, "", { fetch: stalling({ status }), patience: 1 });

    await assert.rejects(call, (error) => error instanceof ServerAway && !error.isUp);
  });
}

test("an answer that stalls behind its headers can be given up", async () => {
  const controller = new AbortController();
  const call = predict(URL_, "", { fetch: stalling({}), signal: controller.signal });
  setTimeout(() => controller.abort(new Error("drawn on")));

  await assert.rejects(call, { message: "drawn on" });
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

const READ_URL = new URL("http://127.0.0.1:1/api/v1/read");
const READING = {
  numbers: [
    {
      text: "4.",
      value: 4,
      confidence: 0.93,
      box: [1, 2, 30, 40],
      digits: [
        { label: 4, confidence: 0.8, box: [1, 2, 9, 40], doubtful: true, alternatives: [{ label: 9, confidence: 0.1 }], repaired_from: 7 },
        { label: ".", confidence: 0.99, box: [12, 2, 9, 40], doubtful: false, alternatives: [{ label: "", confidence: 0.01 }] },
      ],
    },
  ],
  model: "lines-1",
};

test("a reading comes back with labels as text", async () => {
  const { numbers, model } = await read(READ_URL, "data:,", { fetch: replying(READING) });

  const [number] = numbers;
  assert.equal(model, "lines-1");
  assert.deepEqual(number.digits.map(({ label }) => label), ["4", "."]);
  assert.deepEqual(number.digits[0].alternatives, [{ label: "9", confidence: 0.1 }]);
  assert.equal(number.digits[0].repairedFrom, "7");
  assert.equal("repairedFrom" in number.digits[1], false);
  assert.deepEqual([number.confidence, number.box], [0.93, [1, 2, 30, 40]]);
});

test("a drawing is posted as JSON, and a file as it is", async () => {
  const calls = [];
  const fetch = async (_, { headers, body }) => {
    calls.push([headers["Content-Type"], body]);
    return Response.json({ numbers: [], model: "lines-1" });
  };
  const file = new Blob(["photo"], { type: "image/jpeg" });
  const untyped = new Blob(["photo"]);

  await read(READ_URL, "data:,", { fetch });
  await read(READ_URL, file, { fetch });
  await read(READ_URL, untyped, { fetch });

  assert.deepEqual(calls, [
    ["application/json", '{"image":"data:,"}'],
    ["image/jpeg", file],
    ["application/octet-stream", untyped],
  ]);
});

const [NUMBER] = READING.numbers;
for (const body of [
  {},
  { numbers: {} },
  { numbers: [null] },
  { numbers: [{ ...NUMBER, box: [1, 2, 3] }] },
  { numbers: [{ ...NUMBER, box: [1, 2, 3, null] }] },
  { numbers: [{ ...NUMBER, digits: [] }] },
  { numbers: [{ ...NUMBER, digits: [{ ...NUMBER.digits[0], label: null }] }] },
  { numbers: [{ ...NUMBER, digits: [{ ...NUMBER.digits[0], box: null }] }] },
]) {
  test(`${JSON.stringify(body).slice(0, 90)} is no reading`, async () => {
    await assert.rejects(read(READ_URL, "", { fetch: replying(body) }), Refusal);
  });
}

const ADAPT_URL = new URL("http://127.0.0.1:1/api/v1/adapt");
const FEEDBACK_URL = new URL("http://127.0.0.1:1/under/api/v1/feedback");

test("a layer goes along with the picture, and the answer says whether it had its say", async () => {
  const bodies = [];
  const fetch = async (_, { body }) => {
    bodies.push(JSON.parse(body));
    return Response.json({ ...SEVEN, adapted: true });
  };

  const { adapted } = await predict(URL_, "data:,", { fetch, layer: "abc" });
  await predict(URL_, "data:,", { fetch, layer: null });

  assert.equal(adapted, true);
  assert.deepEqual(bodies, [{ image: "data:,", layer: "abc" }, { image: "data:," }]);
});

test("drawings are posted, and a layer comes back", async () => {
  const drawings = [{ strokes: [{ width: 19, points: [[1, 2]] }], label: 7 }];
  const bodies = [];
  const fetch = async (_, { body }) => {
    bodies.push(JSON.parse(body));
    return Response.json({ layer: "abc", used: true, corrections: 1, errors_before: 1, errors_after: 0, model: "digits-6" });
  };

  const learned = await adapt(ADAPT_URL, drawings, { fetch });

  assert.deepEqual(bodies, [{ drawings }]);
  assert.deepEqual(learned, { layer: "abc", used: true, model: "digits-6" });
});

for (const body of ["null", "{}", '{"layer": 7, "model": "digits-6"}', "<html>"]) {
  test(`${body} is no layer`, async () => {
    await assert.rejects(adapt(ADAPT_URL, [], { fetch: replying(body) }), Refusal);
  });
}

test("a drawing is given with a key, and answered with a receipt", async () => {
  const calls = [];
  const fetch = async (url, { method, headers, body }) => {
    calls.push([url.href, method, headers["Idempotency-Key"], JSON.parse(body).consent]);
    return Response.json({ receipt: "r-1" }, { status: 201 });
  };

  const receipt = await keepDrawing(FEEDBACK_URL, { consent: true }, { fetch, key: "k" });

  assert.equal(receipt, "r-1");
  assert.deepEqual(calls, [[FEEDBACK_URL.href, "POST", "k", true]]);
});

test("an answer without a receipt is told", async () => {
  await assert.rejects(keepDrawing(FEEDBACK_URL, {}, { fetch: replying("{}"), key: "k" }), { message: "The server's answer is not a receipt." });
});

test("a drawing is deleted at the address of its receipt, which cannot lead elsewhere", async () => {
  const calls = [];
  const fetch = async (url, { method }) => {
    calls.push([url.href, method]);
    return new Response(null, { status: 204 });
  };

  await deleteDrawing(FEEDBACK_URL, "r-1", { fetch });
  await deleteDrawing(FEEDBACK_URL, "../model?x", { fetch });

  assert.deepEqual(calls, [
    [`${FEEDBACK_URL.href}/r-1`, "DELETE"],
    [`${FEEDBACK_URL.href}/..%2Fmodel%3Fx`, "DELETE"],
  ]);
});
