// The calls to the server, and what can go wrong with them, as two kinds of error.

/**
 * @typedef {object} Answer
 * @property {number} label The digit read, 0 to 9.
 * @property {number} confidence 0 to 1.
 * @property {boolean} is_digit False when the ink looks like no digit; `label` is then the best guess.
 * @property {readonly number[]} probabilities Ten of them, by digit.
 * @property {string} model The version that answered.
 * @property {string} [input] The 28x28 picture the model saw, as a data URL.
 * @property {string} [explanation] Its ink, coloured by how it decided, as a data URL.
 * @property {Place} [place] Where on the posted picture, in its pixels, those 28x28 lie.
 * @property {boolean} [adapted] Whether the layer that was sent along had its say.
 * @property {number} [alone] The page's own: where ink stands beside the digit that may not have been read, how sure the
 *   reader was that it is one character, 0 to 1.
 */

/**
 * @typedef {object} Adapted What a server made of a person's drawings; it keeps none of them.
 * @property {string} layer Goes along with every picture that is to be read with it.
 * @property {boolean} used False when it does not read their hand better.
 * @property {string} model The version it belongs to.
 */
/** @typedef {{ readonly strokes: readonly Written[], readonly label: number }} Labelled */
/**
 * @typedef {object} Submission A drawing that a person gives away, with what they say of it.
 * @property {string} image A data URL.
 * @property {readonly Written[]} strokes In pixels of the picture.
 * @property {number | null} label
 * @property {number | null} predicted
 * @property {number} confidence
 * @property {string} model
 * @property {true} consent
 * @property {string} writer A random number.
 */

/** @typedef {import("./examples.js").Written} Written */
/** @typedef {import("./render.js").Place} Place */

/** @typedef {import("./reading.js").Box} Box */
/** @typedef {import("./reading.js").Choice} Choice */
/** @typedef {import("./reading.js").Digit} Digit */
/** @typedef {import("./reading.js").ReadNumber} ReadNumber */
/** @typedef {{ readonly numbers: readonly ReadNumber[], readonly model: string }} Reading In reading order. */

/** Nobody answers, or says "not now": asking again later is the remedy. */
export class ServerAway extends Error {
  /** Whether a server answered. If not, the cause says why, and what it was asked for may be done all the same. */
  get isUp() {
    return this.cause === undefined;
  }
}

/** The server answered and declined: asking again with the same drawing would not help. */
export class Refusal extends Error {
  /**
   * @param {string} message
   * @param {{ status: number, type?: string }} about
   */
  constructor(message, { status, type = "about:blank" }) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

const PATIENCE_MS = 10_000;
/** A photo takes a while to go up, too. */
const PHOTO_PATIENCE_MS = 90_000;
const NOT_NOW = [429, 502, 503, 504];

/**
 * @typedef {object} CallOptions
 * @property {typeof globalThis.fetch} [fetch]
 * @property {AbortSignal} [signal] Gives up on the answer.
 * @property {number} [patience] Milliseconds to wait before the server counts as away.
 */

/** @typedef {{ readonly ok: boolean, readonly status: number, readonly body: unknown }} Answered Its body is null when it is no JSON. */

const JSON_BOTH_WAYS = { "Content-Type": "application/json", Accept: "application/json" };

/**
 * Ask which digit a picture shows.
 *
 * @param {URL} url
 * @param {string} image A data URL.
 * @param {CallOptions & { readonly layer?: string | null }} [options] With a layer it is read by what was learned of a hand.
 * @returns {Promise<Answer>}
 * @throws {ServerAway | Refusal} and the signal's reason when it gave up.
 */
export async function predict(url, image, { layer = null, ...options } = {}) {
  const response = await call(url, options, {
    method: "POST",
    headers: JSON_BOTH_WAYS,
    body: JSON.stringify(layer === null ? { image } : { image, layer }),
  });
  if (!response.ok) throw problemOf(response);
  return answerOf(response.body);
}

/**
 * Ask which numbers a picture shows.
 *
 * @param {URL} url
 * @param {string | Blob} image A data URL, or a file, which is sent as it is.
 * @param {CallOptions} [options]
 * @returns {Promise<Reading>}
 * @throws {ServerAway | Refusal} and the signal's reason when it gave up.
 */
export async function read(url, image, options = {}) {
  const isFile = typeof image !== "string";
  const response = await call(url, isFile ? { patience: PHOTO_PATIENCE_MS, ...options } : options, {
    method: "POST",
    headers: { "Content-Type": isFile ? typeOf(image) : "application/json", Accept: "application/json" },
    body: isFile ? image : JSON.stringify({ image }),
  });
  if (!response.ok) throw problemOf(response);
  return readingOf(response.body);
}

/**
 * @param {{ readonly type: string }} file
 * @returns {string} What it is sent as: where the system knows no type, the server goes by the contents.
 */
export function typeOf({ type }) {
  return type === "" ? "application/octet-stream" : type;
}

/**
 * Have a layer made of a person's own drawings.
 *
 * @param {URL} url
 * @param {readonly Labelled[]} drawings
 * @param {CallOptions} [options]
 * @returns {Promise<Adapted>}
 * @throws {ServerAway | Refusal} and the signal's reason when it gave up.
 */
export async function adapt(url, drawings, options = {}) {
  const response = await call(url, { patience: PHOTO_PATIENCE_MS, ...options }, {
    method: "POST",
    headers: JSON_BOTH_WAYS,
    body: JSON.stringify({ drawings }),
  });
  if (!response.ok) throw problemOf(response);
  const { body } = response;
  if (!isRecord(body) || typeof body.layer !== "string" || typeof body.model !== "string") {
    throw new Refusal("The server's answer is not a layer.", { status: 200 });
  }
  return { layer: body.layer, used: body.used === true, model: body.model };
}

/**
 * Give a drawing away.
 *
 * @param {URL} url
 * @param {Submission} submission
 * @param {CallOptions & { readonly key: string }} options The same key twice stores it once.
 * @returns {Promise<string>} The receipt.
 * @throws {ServerAway | Refusal} and the signal's reason when it gave up.
 */
export async function keepDrawing(url, submission, { key, ...options }) {
  const response = await call(url, options, {
    method: "POST",
    headers: { ...JSON_BOTH_WAYS, "Idempotency-Key": key },
    body: JSON.stringify(submission),
  });
  if (!response.ok) throw problemOf(response);
  const { body } = response;
  const receipt = isRecord(body) ? textOf(body.receipt) : undefined;
  if (receipt === undefined) throw new Refusal("The server's answer is not a receipt.", { status: response.status });
  return receipt;
}

/**
 * Take a drawing back.
 *
 * @param {URL} url Of all drawings that were given away.
 * @param {string} receipt
 * @param {CallOptions} [options]
 * @throws {ServerAway | Refusal} and the signal's reason when it gave up.
 */
export async function deleteDrawing(url, receipt, options = {}) {
  const one = new URL(`${url.pathname}/${encodeURIComponent(receipt)}`, url);
  const response = await call(one, options, { method: "DELETE", headers: { Accept: "application/json" } });
  if (!response.ok) throw problemOf(response);
}

/**
 * @param {URL} url
 * @param {CallOptions} [options]
 * @returns {Promise<boolean>} Whether the server is up and takes calls.
 */
export async function isReady(url, options = {}) {
  try {
    return (await call(url, options, { cache: "no-store" })).ok;
  } catch (error) {
    if (error instanceof ServerAway) return false;
    throw error;
  }
}

/**
 * Patience and signal end with the last byte of the answer: a server may stall behind its headers, too.
 *
 * @param {URL} url
 * @param {CallOptions} options
 * @param {RequestInit} request
 * @returns {Promise<Answered>}
 */
async function call(url, { fetch = globalThis.fetch, signal, patience = PATIENCE_MS }, request) {
  const controller = new AbortController();
  const giveUp = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => controller.abort(new ServerAway("The server took too long to answer.", { cause: "timeout" })), patience);
  if (signal?.aborted) giveUp();
  signal?.addEventListener("abort", giveUp);
  try {
    const response = await fetch(url, { ...request, signal: controller.signal });
    return { ok: response.ok, status: response.status, body: await bodyOf(response) };
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason; // of which a body that breaks off does not tell
    // fetch rejects with a TypeError when no connection came about.
    throw error instanceof TypeError ? new ServerAway("The server does not answer.", { cause: error }) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

/**
 * @param {Answered} response
 * @returns {ServerAway | Refusal}
 */
function problemOf({ status, body }) {
  const { detail, title, type } = isRecord(body) ? body : {};
  if (NOT_NOW.includes(status)) return new ServerAway(textOf(detail) ?? "The server is busy or about to restart.");
  return new Refusal(textOf(detail) ?? textOf(title) ?? `The server answered with status ${status}.`, {
    status,
    type: textOf(type) ?? "about:blank",
  });
}

/**
 * @param {Response} response
 * @returns {Promise<unknown>} Null when the body is no JSON.
 */
async function bodyOf(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    // The connection broke half-way through the body.
    throw error instanceof TypeError ? new ServerAway("The server's answer was cut off.", { cause: error }) : error;
  }
}

/**
 * @param {unknown} body
 * @returns {Answer}
 */
function answerOf(body) {
  if (isRecord(body) && typeof body.label === "number" && isTenNumbers(body.probabilities)) {
    const { explanation, place } = body;
    return {
      label: body.label,
      confidence: Number(body.confidence),
      is_digit: body.is_digit === true,
      probabilities: body.probabilities,
      model: textOf(body.model) ?? "",
      input: textOf(body.input) ?? "",
      ...(typeof explanation === "string" && isPlace(place) ? { explanation, place } : {}),
      ...(typeof body.adapted === "boolean" ? { adapted: body.adapted } : {}),
    };
  }
  throw new Refusal("The server's answer is not a prediction.", { status: 200 });
}

/**
 * @param {unknown} body
 * @returns {Reading}
 */
function readingOf(body) {
  if (isRecord(body) && Array.isArray(body.numbers)) {
    const numbers = body.numbers.map(numberOf);
    if (numbers.every((one) => one !== null)) return { numbers, model: textOf(body.model) ?? "" };
  }
  throw new Refusal("The server's answer is not a reading.", { status: 200 });
}

/**
 * @param {unknown} value
 * @returns {ReadNumber | null}
 */
function numberOf(value) {
  if (!isRecord(value) || !isBox(value.box) || !Array.isArray(value.digits)) return null;
  const digits = value.digits.map(digitOf);
  if (digits.length === 0 || !digits.every((one) => one !== null)) return null;
  return { confidence: Number(value.confidence), box: value.box, digits };
}

/**
 * @param {unknown} value
 * @returns {Digit | null}
 */
function digitOf(value) {
  if (!isRecord(value) || !isBox(value.box)) return null;
  const choices = [value, ...(Array.isArray(value.alternatives) ? value.alternatives : [])].map(choiceOf);
  const [read, ...alternatives] = choices.filter((one) => one !== null);
  if (read === undefined || choices[0] === null) return null;
  const from = value.repaired_from === undefined ? {} : { repairedFrom: String(value.repaired_from) };
  return { ...read, box: value.box, doubtful: value.doubtful === true, alternatives, ...from };
}

/**
 * @param {unknown} value
 * @returns {Choice | null}
 */
function choiceOf(value) {
  if (!isRecord(value) || !["string", "number"].includes(typeof value.label)) return null;
  return { label: String(value.label), confidence: Number(value.confidence) };
}

/**
 * @param {unknown} value
 * @returns {value is Box}
 */
function isBox(value) {
  return Array.isArray(value) && value.length === 4 && value.every(Number.isFinite);
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isRecord(value) {
  return typeof value === "object" && value !== null;
}

/**
 * @param {unknown} value
 * @returns {value is number[]}
 */
function isTenNumbers(value) {
  return Array.isArray(value) && value.length === 10 && value.every((one) => typeof one === "number");
}

/**
 * @param {unknown} value
 * @returns {value is Place}
 */
function isPlace(value) {
  return isRecord(value) && ["left", "top", "side"].every((name) => typeof value[name] === "number");
}

/**
 * @param {unknown} value
 * @returns {string | undefined}
 */
function textOf(value) {
  return typeof value === "string" && value !== "" ? value : undefined;
}
