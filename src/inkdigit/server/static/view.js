// What the page says: the answer, the prompt on blank paper, or the problem. It shows, and decides nothing.

import { glyphPath } from "./figures.js";
import { UNIT, percent, verdictOf, wordsOfCorrection } from "./words.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./words.js").Words} Words */
/** @typedef {{ readonly what: string, readonly remedy: string, readonly retrying: boolean }} Problem */

const DIGITS = [..."0123456789"];
const PREDICT = "inkdigit predict drawing.png";

export class View {
  #root;
  #work;
  #figure;
  #headline;
  #detail;
  #retry;
  #shares;
  #saw;
  #model;
  #call;
  #save;
  #way;
  #command;
  #copied;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** What the figure shows, so that the same digit is not written twice. */
  #shown = "";

  /** @param {Document} page */
  constructor(page) {
    this.#root = find(page, "#answer", HTMLElement);
    this.#work = find(page, "#work-state", HTMLElement);
    this.#figure = find(page, "#figure", SVGSVGElement);
    this.#headline = find(page, "#headline", HTMLElement);
    this.#detail = find(page, "#detail", HTMLElement);
    this.#retry = find(page, "#retry", HTMLButtonElement);
    this.#shares = [...page.querySelectorAll("#shares > li")].map((bar) => ({
      bar: /** @type {HTMLElement} */ (bar),
      number: find(bar, ".number", HTMLElement),
      unit: find(bar, ".unit", HTMLElement),
    }));
    this.#saw = find(page, "#saw", HTMLImageElement);
    this.#model = find(page, "#model", HTMLElement);
    this.#call = find(page, "#call", HTMLTextAreaElement);
    this.#save = find(page, "#save", HTMLAnchorElement);
    this.#way = find(page, "#way", HTMLElement);
    this.#command = find(page, "#command", HTMLElement);
    this.#copied = find(page, "#copied", HTMLElement);
  }

  /**
   * While somebody draws, screen readers wait for the answer to the finished stroke.
   *
   * @param {boolean} busy
   */
  set busy(busy) {
    this.#root.setAttribute("aria-busy", String(busy));
  }

  /** Blank paper. */
  prompt() {
    this.#say("blank", "Draw a number.", "One digit or several, anywhere on the paper, as large as you like.");
    this.#draw("blank", DIGITS);
    this.#fill(null);
  }

  /** @param {string} what The server is at work for longer than a moment. */
  waiting(what) {
    this.#say("waiting", what, "");
    this.#draw("waiting", DIGITS);
    this.#fill(null);
  }

  /**
   * The answer is late: what stands there is of another drawing, and makes way for it in its own place.
   *
   * @param {string} what The server is at work on; told apart, since the answer is silent while it is busy.
   */
  late(what) {
    this.#root.dataset.late = "true";
    this.#headline.textContent = this.#work.textContent = what;
    this.#detail.textContent = "";
  }

  /**
   * @param {Answer} answer
   * @param {{ image: string, call: string }} from The picture that was posted, and the call that posts it.
   */
  answer(answer, { image, call }) {
    this.said(answer, undefined);
    this.#fill(answer);
    this.#tellCall({ call, command: PREDICT, model: answer.model });
    this.#save.href = image;
    if (answer.input) this.#saw.src = answer.input;
  }

  /**
   * The same answer, and what a person says of it.
   *
   * @param {Answer} answer
   * @param {number | null | undefined} label Null for no digit; undefined when nothing is said, or nothing any more.
   */
  said(answer, label) {
    const { mood, headline, detail, signs } =
      label === undefined ? verdictOf(answer) : { mood: "said", ...wordsOfCorrection(answer, label) };
    this.#say(mood, headline, detail);
    this.#draw(mood, signs);
  }

  /**
   * A drawing of numbers, which stand beside the words.
   *
   * @param {Words} words
   * @param {{ image: string, call: string, model: string }} from The picture that was posted, and the call that posts it.
   */
  drawing(words, { image, call, model }) {
    this.#number(words);
    this.#tellCall({ call, command: "inkdigit read drawing.png", model });
    this.#save.href = image;
  }

  /**
   * A picture of numbers.
   *
   * @param {Words} words
   * @param {{ call: string, command: string, model: string }} from
   */
  picture(words, from) {
    this.#number(words);
    this.#tellCall(from);
    this.#way.textContent = "Or run";
  }

  /** @param {Words} words Others for the numbers that stand there. */
  reworded({ headline, detail }) {
    this.#say("number", headline, detail);
  }

  /** @param {Problem} problem */
  problem({ what, remedy, retrying }) {
    this.#say("problem", "Encountered an error.", `${what} ${remedy}`, retrying);
    this.#draw("problem", ["!"]);
    this.#fill(null);
  }

  /**
   * @param {string} mood
   * @param {string} headline
   * @param {string} detail
   * @param {boolean} [isRetrying] Whether there is a button to look for the server at once.
   */
  #say(mood, headline, detail, isRetrying = false) {
    // The button that was just used is gone, or the number that was looked at.
    const { activeElement } = document;
    const isOfNumber = activeElement?.closest(".reading") != null && mood !== "number";
    if ((activeElement === this.#retry && !isRetrying) || isOfNumber) this.#root.focus();
    this.#root.dataset.mood = mood;
    this.#root.dataset.retrying = String(isRetrying);
    // A live region speaks on every write, also of the same words.
    if (this.#headline.textContent !== headline) this.#headline.textContent = headline;
    if (this.#detail.textContent !== detail) this.#detail.textContent = detail;
    this.#root.dataset.late = "false";
    this.#work.textContent = "";
  }

  /** @param {Words} words */
  #number({ headline, detail }) {
    this.#say("number", headline, detail);
    this.#draw("number", []);
    this.#fill(null);
  }

  /** @param {{ call: string, command: string, model: string }} from */
  #tellCall({ call, command, model }) {
    this.#call.value = call;
    this.#copied.textContent = ""; // it was said of another call
    this.#way.textContent = "Or save the drawing and run";
    this.#command.textContent = command;
    if (model !== "") this.#model.textContent = model;
  }

  /** @param {Answer | null} answer */
  #fill(answer) {
    this.#root.dataset.label = answer === null ? "" : String(answer.label);
    this.#shares.forEach(({ bar, number, unit }, digit) => {
      const share = answer?.probabilities[digit] ?? 0;
      bar.style.setProperty("--share", String(share));
      bar.classList.toggle("is-first", answer?.label === digit);
      bar.classList.toggle("is-small", share < 0.01 || answer?.is_digit === false); // ten times 10 % says nothing
      number.textContent = answer === null ? "" : percent(share).replace(UNIT, "");
      unit.textContent = answer === null ? "" : UNIT;
    });
    if (answer !== null) return;
    this.#saw.removeAttribute("src");
    this.#tellCall({ call: "", command: PREDICT, model: "" });
    this.#save.removeAttribute("href");
  }

  /**
   * @param {string} mood
   * @param {readonly string[]} signs One large, two side by side, or all ten digits as a specimen.
   */
  #draw(mood, signs) {
    const name = `${mood} ${signs.join(" ")}`;
    if (name === this.#shown) return;
    this.#shown = name;
    const perRow = signs.length > 2 ? 5 : Math.max(signs.length, 1);
    const rows = Math.max(Math.ceil(signs.length / perRow), 1);
    this.#figure.setAttribute("viewBox", `0 0 ${perRow * 120 - 20} ${rows * 170 - 30}`);
    this.#figure.replaceChildren(
      ...signs.map((sign, i) => glyphPath(sign, (i % perRow) * 120, Math.floor(i / perRow) * 170)),
    );
    if (mood === "sure" && !this.#calm.matches) write(this.#figure);
  }
}

/**
 * Let the figure be written rather than appear.
 *
 * @param {SVGSVGElement} figure
 */
function write(figure) {
  figure.querySelector("path")?.animate(
    [
      { strokeDasharray: "1 1", strokeDashoffset: "1" },
      { strokeDasharray: "1 1", strokeDashoffset: "0" },
    ],
    { duration: 320, easing: "cubic-bezier(0.3, 0, 0.2, 1)" },
  );
}

/**
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} at ${selector}`);
  return found;
}
