// Giving a corrected drawing away: asked each time, answered with a receipt, taken back with that.

import { recovering } from "./answering.js";
import { deleteDrawing, keepDrawing } from "./api.js";
import { copied } from "./clipboard.js";
import { writtenOf } from "./examples.js";
import { Given } from "./given.js";
import { randomToken } from "./memory.js";
import { Outbox, isWithoutStore, messageOf } from "./outbox.js";
import { pictureOf } from "./render.js";
import { SIZE, faultOf } from "./strokes.js";
import { find } from "./view.js";

/** @typedef {import("./access.js").Access} Access */
/** @typedef {import("./correcting.js").Correcting} Correcting */
/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {import("./memory.js").Receipt} Receipt */
/** @typedef {import("./examples.js").Example} Example */
/** @typedef {"none" | "offer" | "busy" | "kept" | "waiting" | "told"} State */

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
    keep: async (example, key) => {
      try {
        return await keepDrawing(url, await submissionOf(example, writerOf(memory)), { key, fetch });
      } catch (error) {
        access.askForMore(error);
        throw error;
      }
    },
    remove: (receipt) => deleteDrawing(url, receipt, { fetch }),
    token: randomToken,
    today: () => new Date().toLocaleDateString("sv"), // as 2026-03-09, by the person's own clock
  });
  const panel = new Keeping(page, { correcting, outbox, memory });
  new Given(page, { memory, outbox });
  const recovery = recovering(page, () => void panel.send(), PAUSES_MS);
  outbox.addEventListener("change", () => {
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

/** Under the answer: the offer to keep what was corrected, and what became of it. */
class Keeping {
  #panel;
  #consent;
  #said;
  #receipts;
  #yesButton;
  #nowButton;
  #discardButton;
  #copyButton;
  #deleteButton;
  #correcting;
  #memory;
  #outbox;
  /** @type {Map<string, string>} Under which key each digit was given away, by its id. */
  #given = new Map();
  /** @type {readonly string[]} Keys of what stands on the page, as long as it waits or is kept. */
  #keys = [];
  /** @type {readonly Receipt[]} Of these, what is kept. */
  #kept = [];

  /**
   * @param {Document} page
   * @param {{ correcting: Correcting, outbox: Outbox, memory: Memory }} parts
   */
  constructor(page, { correcting, outbox, memory }) {
    this.#correcting = correcting;
    this.#memory = memory;
    this.#outbox = outbox;
    this.#panel = find(page, "#keep", HTMLElement);
    this.#consent = find(page, "#consent", HTMLElement);
    this.#said = find(page, "#keep-said", HTMLElement);
    this.#receipts = find(page, "#keep-receipt", HTMLElement);
    const button = (/** @type {string} */ id, /** @type {() => unknown} */ act) => {
      const found = find(page, id, HTMLButtonElement);
      found.addEventListener("click", () => void act());
      return found;
    };
    this.#yesButton = button("#keep-yes", () => this.#give());
    this.#nowButton = button("#keep-now", () => this.send());
    this.#discardButton = button("#keep-discard", () => outbox.discard(this.#keys));
    this.#copyButton = button("#keep-copy", () => this.#copy(page));
    this.#deleteButton = button("#keep-delete", () => this.#takeBack());
    correcting.addEventListener("say", () => this.#paint());
    correcting.addEventListener("subject", () => this.#paint());
    outbox.addEventListener("change", () => this.#follow());
    window.addEventListener("storage", () => this.#follow()); // another tab sent it, or took it back
  }

  /** What may be given: what was said, digit by digit, and not given before. */
  get #examples() {
    return this.#correcting.examples.filter(({ id }) => !this.#isGiven(id));
  }

  /** @param {string} id */
  #isGiven(id) {
    const key = this.#given.get(id);
    return key !== undefined && this.#isHeld(key);
  }

  /** @param {string} key */
  #isHeld(key) {
    return this.#outbox.receiptOf(key) !== undefined || this.#outbox.isWaiting(key);
  }

  async #give() {
    if (this.#outbox.isFull) return this.#show("told", "Too many drawings wait to be sent already; send or discard those first.");
    const examples = this.#examples;
    const fault = examples.map(({ drawing }) => faultOf(drawing)).find((one) => one !== null);
    if (fault !== undefined) return this.#show("told", `Not kept: ${fault}.`);
    this.#outbox.put(examples).forEach((key, i) => this.#given.set(/** @type {Example} */ (examples[i]).id, key));
    this.#settle();
    this.#show("busy", "Sending …");
    await this.#outbox.flush();
  }

  /** Send what waits to be sent. */
  async send() {
    if (this.#panel.dataset.state === "waiting") this.#show("busy", "Sending …");
    await this.#outbox.flush();
  }

  async #takeBack() {
    const { id } = this.#correcting;
    this.#show("busy", "Deleting …");
    try {
      await this.#outbox.remove(this.#kept.map(({ receipt }) => receipt));
    } catch (error) {
      if (id !== this.#correcting.id) return; // another drawing stands on the page by now
      const are = this.#kept.length === 1 ? "It is" : "They are";
      this.#tellKept(`${messageOf(error)} ${are} not deleted yet; try again.`);
    }
  }

  /** What was given may be gone: by a button of this panel, of the list, or of another tab. */
  #follow() {
    const [keys, wasKept] = [this.#keys, this.#kept.length > 0];
    this.#settle();
    const gone = keys.filter((key) => !this.#keys.includes(key));
    const [refusal] = gone.flatMap((key) => this.#outbox.refusalOf(key) ?? []);
    if (refusal !== undefined) this.#show("told", `Not kept. ${messageOf(refusal)}`);
    else if (gone.length > 0 && this.#keys.length === 0) {
      this.#show("told", wasKept ? `Deleted; the server keeps nothing of ${them(gone)}.` : "Not sent, and nothing is kept.");
    } else if (this.#keys.length > 0 || this.#panel.dataset.state !== "told") this.#paint();
  }

  /** What was given away stands; once it is gone it can be changed again, and given again then. */
  #settle() {
    this.#correcting.given = new Set([...this.#given.keys()].filter((id) => this.#isGiven(id)));
    this.#keys = this.#correcting.examples.flatMap(({ id }) => this.#given.get(id) ?? []).filter((key) => this.#isHeld(key));
    this.#kept = this.#keys.flatMap((key) => this.#outbox.receiptOf(key) ?? []);
  }

  #paint() {
    this.#settle();
    const count = this.#examples.length;
    if (count > 0 && !isWithoutStore(this.#outbox.trouble)) return this.#offer(count);
    if (this.#keys.length === 0) return this.#show("none", "");
    if (this.#kept.length < this.#keys.length) return this.#tellWaiting();
    const isPassing = this.#memory.isPassing("receipts");
    const warning = isPassing ? `This browser remembers nothing after the page is closed; copy the ${this.#kept.length === 1 ? "receipt" : "receipts"}. ` : "";
    this.#tellKept(`Kept. ${warning}${withReceipts(this.#kept)}`);
  }

  /** @param {string} words */
  #tellKept(words) {
    this.#receipts.textContent = this.#kept.map(({ receipt }) => receipt).join("\n");
    this.#copyButton.textContent = this.#kept.length === 1 ? "Copy receipt" : "Copy receipts";
    this.#deleteButton.textContent = `Delete ${them(this.#kept)} again`;
    this.#show("kept", words);
  }

  /** @param {number} count Of digits that may be given. */
  #offer(count) {
    const what = this.#correcting.answer !== null ? "this drawing" : count === 1 ? "this digit" : `these ${count} digits`;
    this.#yesButton.textContent = count === 1 ? "Keep it" : "Keep them";
    this.#consent.textContent =
      `Keep ${what} to improve Inkdigit: strokes and picture, and a random number that stands for this browser; ` +
      "no address, no cookie.";
    this.#show("offer", "");
  }

  #tellWaiting() {
    const waiting = this.#keys.filter((key) => this.#outbox.isWaiting(key));
    const { trouble } = this.#outbox;
    const why = trouble === null ? "" : `${messageOf(trouble)} `;
    const what = waiting.length === 1 ? "it waits on this device, and is sent" : "they wait on this device, and are sent";
    this.#nowButton.textContent = `Send ${them(waiting)} now`;
    this.#discardButton.textContent = `Do not send ${them(waiting)}`;
    this.#show("waiting", `${why}Nothing is lost: ${what} when the server can take ${them(waiting)}.`);
  }

  /** @param {Document} page */
  async #copy(page) {
    const isCopied = await copied(page, this.#receipts.textContent ?? "");
    this.#said.textContent = isCopied
      ? `Copied. ${withReceipts(this.#kept)}`
      : `This browser does not let ${them(this.#kept)} be copied; note ${them(this.#kept)} down:`;
  }

  /**
   * @param {State} state
   * @param {string} words
   */
  #show(state, words) {
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#panel.dataset.state = state;
    // A live region speaks on every write, also of the same words.
    if (this.#said.textContent !== words) this.#said.textContent = words;
    // The button that was just used may be gone.
    const buttons = [...this.#panel.querySelectorAll("button")].filter((button) => button.offsetParent !== null);
    if (hadFocus && !buttons.some((button) => button === document.activeElement)) (buttons[0] ?? this.#panel).focus();
  }
}

/** @param {readonly unknown[]} things */
function them({ length }) {
  return length === 1 ? "it" : "them";
}

/** @param {readonly Receipt[]} kept */
function withReceipts({ length }) {
  return length === 1 ? "With this receipt it can be deleted again:" : "With these receipts they can be deleted again:";
}
