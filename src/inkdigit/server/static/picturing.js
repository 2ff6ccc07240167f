// From a picture to its numbers by way of the server: what is sent, and what is said of it.

import { Refusal, ServerAway, read } from "./api.js";
import { problemOf, recovering } from "./answering.js";
import { copied } from "./clipboard.js";
import { commandFor, curlUpload } from "./curl.js";
import { Asker } from "./latest.js";
import { Unopened, faultOf, tryOpening } from "./limits.js";
import { asCsv, asText, isChosen, recalled, remaining } from "./reading.js";
import { find } from "./view.js";
import { wordsOfPicture } from "./words.js";

/** @typedef {import("./access.js").Access} Access */
/** @typedef {import("./api.js").Reading} Reading */
/** @typedef {import("./numbers.js").NumbersView} NumbersView */
/** @typedef {import("./picture.js").PictureView} PictureView */
/** @typedef {import("./reading.js").Digit} Digit */
/** @typedef {import("./reading.js").ReadNumber} ReadNumber */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./view.js").View} View */

/**
 * @param {Document} page
 * @param {{ scene: Scene, view: View, picture: PictureView, numbers: NumbersView, access: Access }} parts
 */
export function picturing(page, { scene, view, picture, numbers, access }) {
  const url = new URL("api/v1/read", page.baseURI);

  const memory = new Chosen();
  const recovery = recovering(page, () => ask());
  /** @type {Asker<File, Reading>} */
  const asker = new Asker({
    ask: async (file, signal) => {
      await tryOpening(file);
      return read(url, file, { signal, fetch: access.fetch });
    },
    onReply: (reading, file) => {
      recovery.stop();
      picture.numbers = memory.recall(file, reading.numbers);
      numbers.show(shownOf(picture));
      view.picture(wordsOfPicture(picture.numbers, picture.selected), {
        call: curlUpload(url, file, access),
        command: commandFor(file.name),
        model: reading.model,
      });
      view.busy = false;
    },
    onError: (error) => {
      if (error instanceof ServerAway) recovery.start();
      access.note(error);
      view.problem(
        error instanceof Unopened
          ? error.problem
          : error instanceof Refusal && error.status === 404
            ? { what: "This server does not read pictures.", remedy: "Draw the number instead.", retrying: false }
            : problemOf(error, "Your picture is kept, and read", "Choose another picture, or draw the number."),
      );
      view.busy = false;
    },
  });

  const ask = () => {
    if (scene.file === null) return;
    view.waiting("Reading the picture.");
    view.busy = false; // it takes long enough to be told
    asker.now(scene.file);
  };
  const rest = () => {
    asker.drop();
    recovery.stop();
    picture.close();
    numbers.show([]);
  };
  const reword = () => view.reworded(wordsOfPicture(picture.numbers, picture.selected));

  scene.addEventListener("picture", () => {
    rest();
    const file = /** @type {File} */ (scene.file);
    picture.open(file);
    const fault = faultOf(file);
    if (fault === null) ask();
    else view.problem(fault);
  });
  scene.addEventListener("drawing", rest);
  access.addEventListener("key", () => ask());
  picture.addEventListener("select", () => {
    numbers.show(shownOf(picture));
    reword();
  });
  numbers.addEventListener("choose", () => {
    const [number] = numbers.numbers;
    if (!scene.isPicture || number === undefined) return;
    picture.correct(number);
    if (scene.file !== null) memory.note(scene.file, picture.numbers);
    reword();
  });
  tools(page, scene, picture);
}

/** What a person chose on the last picture that they corrected: it comes back when that is put on the page again. */
class Chosen {
  #picture = "";
  /** @type {readonly Digit[]} */
  #digits = [];

  /**
   * @param {File} file
   * @param {readonly ReadNumber[]} numbers
   */
  note(file, numbers) {
    this.#picture = nameOfPicture(file);
    this.#digits = numbers.flatMap(({ digits }) => digits.filter(isChosen));
  }

  /**
   * @param {File} file
   * @param {readonly ReadNumber[]} numbers As they are read.
   */
  recall(file, numbers) {
    return nameOfPicture(file) === this.#picture ? recalled(numbers, this.#digits) : numbers;
  }
}

/** @param {File} file The same one is another object each time that it is chosen. */
function nameOfPicture({ name, size, lastModified }) {
  return JSON.stringify([name, size, lastModified]);
}

/** @param {PictureView} picture */
function shownOf({ selected }) {
  return selected === undefined ? [] : [selected];
}

/**
 * @param {Document} page
 * @param {Scene} scene
 * @param {PictureView} picture
 */
function tools(page, scene, picture) {
  const said = find(page, "#picture-said", HTMLElement);
  const copying = (/** @type {string} */ id, /** @type {(numbers: readonly ReadNumber[]) => string} */ write) =>
    find(page, id, HTMLButtonElement).addEventListener("click", async () => {
      if (remaining(picture.numbers).length === 0) said.textContent = "No numbers to copy.";
      else said.textContent = (await copied(page, write(picture.numbers))) ? "Copied." : "This browser does not allow it.";
    });
  copying("#copy-text", asText);
  copying("#copy-csv", asCsv);
  find(page, "#back", HTMLButtonElement).addEventListener("click", () => scene.showDrawing());
  scene.addEventListener("picture", () => {
    const { came, file } = scene;
    said.textContent = came > 1 && file !== null && faultOf(file) === null ? `Of ${came} files only ${file.name} is taken.` : "";
  });
  // The button that was just used is gone with the picture.
  scene.addEventListener("drawing", () => find(page, "#choose", HTMLInputElement).focus());
}
