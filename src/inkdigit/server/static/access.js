// The key that a server asks for: this tab keeps it, and sends it with every call; where it is missing or wrong, the
// page asks for it in a corner, and goes on being drawn on.

import { Refusal } from "./api.js";
import { find } from "./view.js";

/** @typedef {import("./memory.js").Store} Store */

const NAME = "inkdigit-key";
const UNTAKEN = "The server does not take this key: it is wrong, expired or revoked.";
const UNSENDABLE = "That is no key: it has no spaces, and letters of ASCII only.";

/** Event: `key` (there is one now, so that what was refused may be asked again). */
export class Access extends EventTarget {
  #page;
  #store;
  #dialog;
  #input;
  #said;
  #turn;
  /** @type {string | null} */
  #key;
  #isAsked;
  /** Whether the person would rather not be asked again. */
  #isDeclined = false;

  /**
   * @param {Document} page
   * @param {Store} store
   */
  constructor(page, store) {
    super();
    this.#page = page;
    this.#store = store;
    this.#key = store.getItem(NAME);
    this.#isAsked = page.documentElement.dataset.key === "asked";
    this.#dialog = find(page, "#access", HTMLDialogElement);
    this.#input = find(page, "#access-key", HTMLInputElement);
    this.#said = find(page, "#access-said", HTMLElement);
    this.#turn = find(page, "#access-turn", HTMLButtonElement);
    find(page, "#access form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#take(this.#input.value.trim());
    });
    find(page, "#access-later", HTMLButtonElement).addEventListener("click", () => this.#decline());
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // not for the page, which would clear the drawing
      this.#decline();
    });
    this.#turn.addEventListener("click", () => (this.#key === null ? this.#open("") : this.#forget()));
    if (this.#isAsked && this.#key === null) this.#open("");
    this.#paint();
  }

  /** Whether calls carry a key. */
  get hasKey() {
    return this.#key !== null;
  }

  /**
   * `fetch`, with the key.
   *
   * @type {typeof globalThis.fetch}
   */
  fetch = async (url, request) => {
    const key = this.#key;
    const headers = new Headers(request?.headers);
    if (key !== null) headers.set("Authorization", `Bearer ${key}`);
    const response = await globalThis.fetch(url, { ...request, headers });
    // An older answer says nothing of a key that was given since.
    if (response.status === 401 && key === this.#key) this.#refused(key === null ? "" : UNTAKEN);
    return response;
  };

  /** @param {unknown} error What came of a call; where its key was for something else, another one is asked for. */
  note(error) {
    if (error instanceof Refusal && error.type === "scope-missing") this.#refused(error.message);
  }

  /** @param {unknown} error What came of a call that wants more of the key, which stays for what it is good for. */
  askForMore(error) {
    if (error instanceof Refusal && error.type === "scope-missing" && !this.#isDeclined) this.#ask(error.message);
  }

  /** @param {string} why */
  #refused(why) {
    this.#isAsked = true;
    this.#drop();
    if (why !== "" || !this.#isDeclined) this.#ask(why);
  }

  /**
   * Ask without taking the pen out of a hand that draws by keyboard.
   *
   * @param {string} why
   */
  #ask(why) {
    const { activeElement } = this.#page;
    const isFresh = !this.#dialog.open;
    this.#open(why);
    if (isFresh && activeElement instanceof HTMLElement && activeElement !== this.#page.body) activeElement.focus();
  }

  /** @param {string} why */
  #open(why) {
    if (!this.#dialog.open) this.#dialog.show();
    if (why !== "") this.#said.textContent = why;
  }

  #decline() {
    this.#isDeclined = true;
    this.#close();
  }

  /** What had the focus before gets it back; where nothing had, one can draw. */
  #close() {
    const hadFocus = this.#dialog.contains(this.#page.activeElement);
    this.#dialog.close();
    const { activeElement, body } = this.#page;
    const isLost = activeElement === null || activeElement === body || this.#dialog.contains(activeElement);
    if (hadFocus && isLost) find(this.#page, "#pad", HTMLElement).focus({ preventScroll: true });
  }

  /** @param {string} key */
  #take(key) {
    if (!/^[!-~]+$/.test(key)) {
      this.#said.textContent = UNSENDABLE;
      return;
    }
    this.#key = key;
    this.#store.setItem(NAME, key);
    this.#input.value = this.#said.textContent = "";
    this.#isDeclined = false;
    this.#close();
    this.#paint();
    this.dispatchEvent(new Event("key"));
  }

  #forget() {
    this.#drop();
    this.#isDeclined = true;
  }

  #drop() {
    this.#key = null;
    this.#store.removeItem(NAME);
    this.#paint();
  }

  /** At the foot of the page: the way to be rid of a key, or to give one after all. */
  #paint() {
    this.#turn.hidden = this.#key === null && !this.#isAsked;
    this.#turn.textContent = this.#key === null ? "Enter a key" : "Forget the key";
  }
}
