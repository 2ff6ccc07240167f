// From the pad to the view by way of the server: when to ask, and what to do when it is away.

import { Refusal, ServerAway, isReady, predict, read } from "./api.js";
import { DrawingReader } from "./asking.js";
import { curlCall } from "./curl.js";
import { Asker } from "./latest.js";
import { Recovery } from "./recovery.js";
import { pictureOf } from "./render.js";
import { find } from "./view.js";
import { wordsOfDrawing } from "./words.js";

/** @typedef {import("./access.js").Access} Access */
/** @typedef {import("./asking.js").DigitReply} DigitReply */
/** @typedef {import("./asking.js").NumberReply} NumberReply */
/** @typedef {import("./correcting.js").Correcting} Correcting */
/** @typedef {import("./learner.js").Learner} Learner */
/** @typedef {import("./learning.js").Learning} Learning */
/** @typedef {import("./numbers.js").NumbersView} NumbersView */
/** @typedef {import("./pad.js").Pad} Pad */
/** @typedef {import("./paper.js").Paper} Paper */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./view.js").Problem} Problem */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("./why.js").Why} Why */
/** @typedef {{ readonly drawing: Drawing, readonly paper: Paper }} Question */

/**
 * @param {Document} page
 * @param {{
 *   pad: Pad, scene: Scene, view: View, numbers: NumbersView, why: Why, correcting: Correcting, learner: Learner,
 *   learning: Learning, access: Access
 * }} parts
 * @returns {{ rest: () => void }} `rest` gives up what was asked and what was answered.
 */
export function answering(page, { pad, scene, view, numbers, why, correcting, learner, learning, access }) {
  const predictUrl = new URL("api/v1/predict", page.baseURI);
  const readUrl = new URL("api/v1/read", page.baseURI);
  const askUrl = new URL("?include=input", predictUrl);
  const whyUrl = new URL("?include=input,explanation", predictUrl);
  const { fetch } = access;

  const reader = new DrawingReader({
    // An explanation costs fifty answers: a drawing that is still growing goes without.
    predict: async (image, signal) => {
      const [url, { layer }] = [why.isOn && !pad.isPenDown ? whyUrl : askUrl, learner];
      try {
        return await predict(url, image, { signal, layer, fetch });
      } catch (error) {
        // It may be the layer that was refused, and then the drawing is read without.
        if (layer === null || !(error instanceof Refusal) || isAboutKeys(error)) throw error;
        const answer = await predict(url, image, { signal, fetch });
        learner.dropLayer();
        return answer;
      }
    },
    read: (image, signal) => read(readUrl, image, { signal, fetch }),
    pictureOf,
  });
  const recovery = recovering(page, () => ask());
  /** @type {Asker<Question, DigitReply | NumberReply>} */
  const asker = new Asker({
    ask: (question, signal) => reader.ask(question, signal),
    onLate: () => view.late("Reading the drawing."),
    onReply: (reply, question) => {
      recovery.stop();
      if ("reading" in reply) showNumbers(reply, question);
      else showDigit(reply, question);
      view.busy = pad.isPenDown;
    },
    onError: (error) => {
      if (error instanceof ServerAway) recovery.start();
      access.note(error);
      correcting.turnTo(null);
      view.problem(problemOf(error, "Your drawing is kept, and read", "Change the drawing, or clear it and draw again."));
      view.busy = pad.isPenDown;
    },
  });

  const showDigit = (/** @type {DigitReply} */ { answer, image, crop }, /** @type {Question} */ { drawing }) => {
    const layer = answer.adapted === true ? learner.layer : null;
    view.answer(answer, { image, call: curlCall(predictUrl, image, { layer, hasKey: access.hasKey }) });
    why.show(answer, crop);
    if (pad.isPenDown) return;
    learner.note(answer);
    correcting.turnTo({ digit: { answer, drawing, crop } });
    if (correcting.label !== undefined) view.said(answer, correcting.label);
  };
  const showNumbers = (/** @type {NumberReply} */ { reading, image }, /** @type {Question} */ { drawing, paper }) => {
    why.clear();
    if (!pad.isPenDown) correcting.turnTo({ number: { numbers: reading.numbers, drawing, paper, model: reading.model } });
    const { numbers: shown } = pad.isPenDown ? reading : correcting;
    const isAllRight = !pad.isPenDown && correcting.isAllRight;
    numbers.show(shown, isAllRight);
    if (pad.isPenDown) numbers.outdate();
    view.drawing(wordsOfDrawing(shown, isAllRight), { image, call: curlCall(readUrl, image, access), model: reading.model });
    if (!pad.isPenDown) learner.retry();
  };
  const question = () => ({ drawing: pad.drawing, paper: pad.paper });
  const ask = () => {
    if (scene.isPicture) return;
    if (pad.drawing.length === 0) return blank();
    view.busy = true;
    correcting.await();
    asker.now(question());
  };
  const blank = () => {
    rest();
    view.prompt();
    view.busy = false;
  };
  const rest = () => {
    asker.drop();
    why.clear();
    correcting.turnTo(null);
    recovery.stop();
  };

  pad.addEventListener("change", () => {
    why.clear();
    correcting.turnTo(null);
    numbers.outdate();
    if (!pad.isPenDown) return ask();
    view.busy = true;
    asker.soon(question());
  });
  pad.addEventListener("strokeend", ask);
  pad.addEventListener("clear", blank);
  why.addEventListener("on", () => pad.isPenDown || ask());
  numbers.addEventListener("choose", () => {
    if (!scene.isPicture) correcting.renumber(numbers.numbers);
  });
  correcting.addEventListener("say", () => {
    const { answer, label, numbers: said, isAllRight } = correcting;
    if (answer !== null) view.said(answer, label);
    else {
      numbers.areRight = isAllRight;
      view.reworded(wordsOfDrawing(said, isAllRight));
    }
    learner.learnFrom(correcting.id, correcting.examples);
  });
  correcting.addEventListener("settle", () => numbers.show(correcting.numbers, correcting.isAllRight));
  access.addEventListener("key", () => pad.isPenDown || ask());
  learning.addEventListener("forget", () => correcting.forget());
  learning.addEventListener("switch", () => pad.isPenDown || ask());
  scene.addEventListener("picture", rest);
  scene.addEventListener("drawing", ask);
  view.prompt();
  return { rest };
}

/**
 * Looks for a server that is away; at once when the person asks for it, comes back to the page, or is online again.
 *
 * @param {Document} page
 * @param {() => void} onBack
 * @param {readonly number[]} [pauses] Milliseconds before each look.
 */
export function recovering(page, onBack, pauses) {
  const readyUrl = new URL("health/ready", page.baseURI);
  const probe = () => isReady(readyUrl, { patience: 4000 });
  const recovery = new Recovery(pauses === undefined ? { probe, onBack } : { probe, onBack, pauses });
  find(page, "#retry", HTMLButtonElement).addEventListener("click", () => void recovery.hurry());
  window.addEventListener("online", () => void recovery.hurry());
  page.addEventListener("visibilitychange", () => void (page.hidden || recovery.hurry()));
  return recovery;
}

/**
 * @param {unknown} error
 * @param {string} kept What becomes of it once the server is back: the start of a sentence.
 * @param {string} remedy What to do when it was refused.
 * @returns {Problem}
 */
export function problemOf(error, kept, remedy) {
  if (error instanceof ServerAway) {
    return {
      what: error.message,
      remedy: error.isUp ? `${kept} as soon as it can be.` : `${kept} as soon as the server is back. To start it: inkdigit serve`,
      retrying: true,
    };
  }
  if (isAboutKeys(error)) {
    return { what: "This server asks for a key.", remedy: `${kept} once you enter one for reading.`, retrying: false };
  }
  if (error instanceof Refusal) return { what: error.message, remedy, retrying: false };
  return { what: String(error), remedy: "Reload the page; if that does not help, please report it.", retrying: false };
}

/**
 * Whether a key is missing, wrong, or for something else: another key is the remedy.
 *
 * @param {unknown} error
 */
function isAboutKeys(error) {
  return error instanceof Refusal && (error.status === 401 || error.type === "scope-missing");
}
