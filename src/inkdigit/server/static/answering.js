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
/** @typedef {{ answer: Answer, image: string }} Reply */

/**
 * @param {Document} page
 * @param {Pad} pad
 * @param {View} view
 */
export function answering(page, pad, view) {
  const predictUrl = new URL("api/v1/predict", page.baseURI);
  const askUrl = new URL("?include=input", predictUrl);
  const readyUrl = new URL("health/ready", page.baseURI);
  const paper = page.createElement("canvas");

  const recovery = new Recovery({ probe: () => isReady(readyUrl, { patience: 4000 }), onBack: () => ask() });
  /** @type {Asker<Drawing, Reply>} */
  const asker = new Asker({
    ask: async (drawing, signal) => {
      const image = pictureOf(drawing, paper);
      return { image, answer: await predict(askUrl, image, { signal }) };
    },
    onReply: ({ answer, image }) => {
      recovery.stop();
      view.answer(answer, { image, call: curlCall(predictUrl, image) });
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
    recovery.stop();
    view.prompt();
    view.busy = false;
  };

  pad.addEventListener("change", () => {
    if (!pad.isPenDown) return ask();
    view.busy = true;
    asker.soon(pad.drawing);
  });
  pad.addEventListener("strokeend", ask);
  pad.addEventListener("clear", blank);
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
