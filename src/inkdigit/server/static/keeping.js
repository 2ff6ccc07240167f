// Giving a corrected drawing away: asked each time, answered with a receipt, taken back with that.

import { recovering } from "./answering.js";
import { deleteDrawing, keepDrawing } from "./api.js";
import { copied } from "./clipboard.js";
import { writtenOf } from "./examples.js";
import { Given } from "./given.js";
import { randomToken } from "./memory.js";
import { Outbox, isFinal, isWithoutStore, messageOf } from "./outbox.js";
import { pictureOf } from "./render.js";
import { SIZE } from "./strokes.js";
import { find } from "./view.js";

/** @typedef {import("./access.js").Access} Access */
/** @typedef {import("./correcting.js").Correcting} Correcting */
/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {import("./memory.js").Receipt} Receipt */
/** @typedef {import("./examples.js").Example} Example */
/** @typedef {"none" | "offer" | "busy" | "kept" | "waiting" | "told"} State */

const WITH_RECEIPT = "Kept. With this receipt it can be deleted again:";
/** Looking for a server that is away, in milliseconds: what is given away has time. */
const PAUSES_MS = [2000, 8000, 30_000, 120_000];

/**
 * @param {Document} page
 * @param {{ correcting: Correcting, memory: Memory, access: Access }} parts
 */
export function keeping(page, { correcting, memory, access }) {
  const { fetch } = access;
  const url = new URL("api/v1/feedback", page.baseURI);
  const outbox = new Outbox(memory, {
    keep: async (example, key) => keepDrawing(url, await submissionOf(example, writerOf(memory)), { key, fetch }),
    remove: (receipt) => deleteDrawing(url, receipt, { fetch }),
    token: randomToken,
    today: () => new Date().toLocaleDateString("sv"), // as 2026-03-09, by the person's own clock
  });
  const panel = new Keeping(page, { correcting, outbox });
  const given = new Given(page, { memory, outbox });
  const recovery = recovering(page, () => void panel.send(), PAUSES_MS);
  panel.addEventListener("change", () => {
    given.show();
    if (memory.waiting.length > 0) recovery.start();
    else recovery.stop();
  });
  access.addEventListener("key", () => void (memory.waiting.length > 0 && panel.send()));
  if (memory.waiting.length > 0) void panel.send();
}

/**
 * @param {Example} example
 * @param {string} writer
 * @returns {Promise<import("./api.js").Submission>}
 */
async function submissionOf({ drawing, label, predicted, confidence, model }, writer) {
  const image = await pictureOf(drawing, { left: 0, top: 0, width: SIZE, height: SIZE });
  return { image, strokes: writtenOf(drawing), label, predicted, confidence, model, consent: true, writer };
}

/** @param {Memory} memory */
function writerOf(memory) {
  memory.writer ??= randomToken();
  return /** @type {string} */ (memory.writer);
}

/**
 * Under the answer: the offer to keep what was corrected, and what became of it.
 *
 * Event: `change` (something was given, or taken back).
 */
class Keeping extends EventTarget {
  #panel;
  #consent;
  #said;
  #receipts;
  #yes;
  #correcting;
  #outbox;
  /** @type {Set<string>} Digits that were given away, by their ids. */
  #given = new Set();
  /** Whether this server keeps drawings, as far as is known. */
  #hasStore = true;
  /** @type {readonly string[]} What was just put into the outbox. */
  #keys = [];
  /** @type {readonly Receipt[]} What was just kept. */
  #kept = [];

  /**
   * @param {Document} page
   * @param {{ correcting: Correcting, outbox: Outbox }} parts
   */
  constructor(page, { correcting, outbox }) {
    super();
    this.#correcting = correcting;
    this.#outbox = outbox;
    this.#panel = find(page, "#keep", HTMLElement);
    this.#consent = find(page, "#consent", HTMLElement);
    this.#said = find(page, "#keep-said", HTMLElement);
    this.#receipts = find(page, "#keep-receipt", HTMLElement);
    this.#yes = find(page, "#keep-yes", HTMLButtonElement);
    const on = (/** @type {string} */ id, /** @type {() => unknown} */ act) =>
      find(page, id, HTMLButtonElement).addEventListener("click", () => void act());
    on("#keep-yes", () => this.#give());
    on("#keep-now", () => this.send());
    on("#keep-discard", () => this.#discard());
    on("#keep-copy", () => this.#copy(page));
    on("#keep-delete", () => this.#takeBack());
    correcting.addEventListener("say", () => this.#offer());
    correcting.addEventListener("subject", () => {
      this.#keys = this.#kept = [];
      this.#panel.dataset.state = "none";
      this.#offer();
    });
  }

  /** What may be given: what was said, digit by digit, and not given before. */
  get #examples() {
    return this.#correcting.examples.filter(({ id }) => !this.#given.has(id));
  }

  #offer() {
    const count = this.#examples.length;
    if (count === 0 && this.#correcting.examples.length > 0) return; // all of it was given, and the panel says so
    if (count === 0 || !this.#hasStore) return this.#show("none", "");
    const what = this.#correcting.answer !== null ? "this drawing" : count === 1 ? "this digit" : `these ${count} digits`;
    this.#yes.textContent = count === 1 ? "Keep it" : "Keep them";
    this.#consent.textContent =
      `Keep ${what} to improve Inkdigit: strokes and picture, and a random number that stands for this browser; ` +
      "no address, no cookie.";
    this.#show("offer", "");
  }

  async #give() {
    if (this.#outbox.isFull) return this.#show("told", "Too many drawings wait to be sent already; send or discard those first.");
    const examples = this.#examples;
    for (const { id } of examples) this.#given.add(id);
    this.#keys = this.#outbox.put(examples);
    this.#kept = [];
    this.#correcting.isFinal = true;
    await this.send();
  }

  /** Send what waits to be sent. */
  async send() {
    const keys = this.#keys;
    if (keys.length > 0) this.#show("busy", "Sending …");
    const error = await this.#outbox.flush();
    this.#hasStore = !isWithoutStore(error);
    this.dispatchEvent(new Event("change"));
    // Another drawing may stand on the page by now, or have been given meanwhile.
    if (keys.length > 0 && keys === this.#keys) this.#tell(error);
  }

  /** @param {unknown} error Null when none came between. */
  #tell(error) {
    this.#kept = this.#keys.flatMap((key) => this.#outbox.receiptOf(key) ?? []);
    if (this.#kept.length === this.#keys.length) {
      this.#keys = [];
      this.#receipts.textContent = this.#kept.map(({ receipt }) => receipt).join(" ");
      this.#show("kept", WITH_RECEIPT);
    } else if (error === null) {
      this.#release("Not sent, and nothing is kept.");
    } else if (isFinal(error)) {
      this.#release(`Not kept. ${messageOf(error)}`);
    } else {
      this.#show("waiting", `${messageOf(error)} Nothing is lost: it waits on this device, and is sent when the server can take it.`);
    }
  }

  #discard() {
    this.#outbox.discard(this.#keys);
    this.#release("Not sent, and nothing is kept.");
  }

  async #takeBack() {
    const kept = this.#kept;
    this.#show("busy", "Deleting …");
    try {
      for (const { receipt } of kept) await this.#outbox.remove(receipt);
    } catch (error) {
      if (kept === this.#kept) this.#show("kept", `${messageOf(error)} It is not deleted yet; try again.`);
      return;
    }
    if (kept === this.#kept) this.#release("Deleted; the server keeps nothing of it.");
    else this.dispatchEvent(new Event("change")); // another drawing stands on the page by now
  }

  /** @param {string} words What was said can be changed again, and given again then. */
  #release(words) {
    this.#correcting.isFinal = false;
    for (const { id } of this.#correcting.examples) this.#given.delete(id);
    this.#keys = this.#kept = [];
    this.#show("told", words);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Document} page */
  async #copy(page) {
    const isCopied = await copied(page, this.#receipts.textContent ?? "");
    this.#said.textContent = isCopied ? "Copied. With this receipt it can be deleted again:" : "This browser does not let it be copied; note it down:";
  }

  /**
   * @param {State} state
   * @param {string} words
   */
  #show(state, words) {
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#panel.dataset.state = state;
    this.#said.textContent = words;
    // The button that was just used is gone.
    const next = [...this.#panel.querySelectorAll("button")].find((button) => button.offsetParent !== null);
    if (hadFocus) (next ?? this.#panel).focus();
  }
}
