// From the pad to the view by way of the server: when to ask, and what to do when it is away.

import { Refusal, ServerAway, isReady, predict } from "./api.js";
import { curlCall } from "./curl.js";
import { Asker } from "./latest.js";
import { Recovery } from "./recovery.js";
import { pictureOf } from "./render.js";
import { find } from "./view.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./pad.js").Pad} Pad */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./view.js").Problem} Problem */
/** @typedef {import("./view.js").View} View */
/** @typedef {import("./why.js").Why} Why */
/** @typedef {{ answer: Answer, image: string }} Reply */

/**
 * @param {Document} page
 * @param {Pad} pad
 * @param {View} view
 * @param {Why} why
 */
export function answering(page, pad, view, why) {
  const predictUrl = new URL("api/v1/predict", page.baseURI);
  const askUrl = new URL("?include=input", predictUrl);
  const whyUrl = new URL("?include=input,explanation", predictUrl);
  const readyUrl = new URL("health/ready", page.baseURI);
  const paper = page.createElement("canvas");

  const recovery = new Recovery({ probe: () => isReady(readyUrl, { patience: 4000 }), onBack: () => ask() });
  /** @type {Asker<Drawing, Reply>} */
  const asker = new Asker({
    ask: async (drawing, signal) => {
      const image = pictureOf(drawing, paper);
      // An explanation costs fifty answers: a drawing that is still growing goes without.
      const url = why.isOn && !pad.isPenDown ? whyUrl : askUrl;
      return { image, answer: await predict(url, image, { signal }) };
    },
    onReply: ({ answer, image }) => {
      recovery.stop();
      view.answer(answer, { image, call: curlCall(predictUrl, image) });
      why.show(answer);
      view.busy = pad.isPenDown;
    },
    onError: (error) => {
      if (error instanceof ServerAway) recovery.start();
      view.problem(problemOf(error));
      view.busy = pad.isPenDown;
    },
  });

  const ask = () => {
    if (pad.drawing.length === 0) return blank();
    view.busy = true;
    asker.now(pad.drawing);
  };
  const blank = () => {
    asker.drop();
    why.clear();
    recovery.stop();
    view.prompt();
    view.busy = false;
  };

  pad.addEventListener("change", () => {
    why.clear();
    if (!pad.isPenDown) return ask();
    view.busy = true;
    asker.soon(pad.drawing);
  });
  pad.addEventListener("strokeend", ask);
  pad.addEventListener("clear", blank);
  why.addEventListener("on", () => pad.isPenDown || ask());
  find(page, "#retry", HTMLButtonElement).addEventListener("click", () => void recovery.hurry());
  window.addEventListener("online", () => void recovery.hurry());
  page.addEventListener("visibilitychange", () => void (page.hidden || recovery.hurry()));
  view.prompt();
}

/**
 * @param {unknown} error
 * @returns {Problem}
 */
function problemOf(error) {
  if (error instanceof ServerAway) {
    return {
      what: error.message,
      remedy: "Your drawing is kept, and read as soon as the server is back. To start it: inkdigit serve",
      retrying: true,
    };
  }
  if (error instanceof Refusal) {
    return { what: error.message, remedy: "Change the drawing, or clear it and draw again.", retrying: false };
  }
  return { what: String(error), remedy: "Reload the page; if that does not help, please report it.", retrying: false };
}
