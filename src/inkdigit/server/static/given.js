// In the notes: what was given from this device and can be taken back, and what still waits to be sent.

import { copied } from "./clipboard.js";
import { messageOf } from "./outbox.js";
import { find } from "./view.js";
import { labelInWords } from "./words.js";

/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {import("./memory.js").Receipt} Receipt */
/** @typedef {import("./memory.js").Waiting} Waiting */
/** @typedef {import("./outbox.js").Outbox} Outbox */

export class Given {
  #list;
  #said;
  #memory;
  #outbox;
  #page;

  /**
   * @param {Document} page
   * @param {{ memory: Memory, outbox: Outbox }} parts
   */
  constructor(page, { memory, outbox }) {
    this.#page = page;
    this.#list = find(page, "#given", HTMLElement);
    this.#said = find(page, "#notes-said", HTMLElement);
    this.#memory = memory;
    this.#outbox = outbox;
    outbox.addEventListener("change", () => this.#show());
    window.addEventListener("storage", () => this.#show());
    this.#show();
  }

  #show() {
    const { receipts, waiting } = this.#memory;
    const count = receipts.length + waiting.length;
    const hadFocus = this.#list.contains(document.activeElement);
    if (count === 0) {
      this.#list.replaceChildren();
      if (hadFocus) this.#said.focus(); // the button that was just used is gone
      return;
    }
    const details = element("details", { open: this.#list.querySelector("details")?.open ?? false });
    const summary = element("summary", { textContent: `Drawings you gave: ${count}` });
    const items = element("ul", {});
    items.append(...waiting.map((one) => this.#waiting(one)), ...[...receipts].reverse().map((one) => this.#receipt(one)));
    details.append(summary, items);
    this.#list.replaceChildren(details);
    if (hadFocus) summary.focus();
  }

  /** @param {Waiting} waiting */
  #waiting({ key, example: { label } }) {
    return item(`${labelInWords(label)}, waits to be sent`, {
      Discard: () => {
        this.#outbox.discard([key]);
        this.#said.textContent = "Discarded; it was not sent.";
      },
    });
  }

  /** @param {Receipt} kept */
  #receipt({ receipt, label, day }) {
    return item(`${labelInWords(label)}, ${day}`, {
      "Copy receipt": async () => {
        this.#said.textContent = (await copied(this.#page, receipt)) ? "Receipt copied." : `The receipt is ${receipt}`;
      },
      Delete: async () => {
        try {
          await this.#outbox.remove([receipt]);
          this.#said.textContent = "Deleted; the server keeps nothing of it.";
        } catch (error) {
          this.#said.textContent = `${messageOf(error)} It is not deleted yet; try again.`;
        }
      },
    });
  }
}

/**
 * @param {string} words
 * @param {Readonly<Record<string, () => unknown>>} actions By the names of their buttons.
 */
function item(words, actions) {
  const line = element("li", {});
  line.append(element("span", { textContent: words }));
  for (const [name, act] of Object.entries(actions)) {
    const button = element("button", { type: "button", textContent: name });
    button.setAttribute("aria-label", `${name}: ${words}`);
    button.addEventListener("click", () => void act());
    line.append(button);
  }
  return line;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Partial<HTMLElementTagNameMap[K]>} properties
 * @returns {HTMLElementTagNameMap[K]}
 */
function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
