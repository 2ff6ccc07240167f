// What is on the page at present: the drawing, or a picture.

/** Events: `picture` (a file is to be read; also when another one is on the page), `drawing` (back to the pad). */
export class Scene extends EventTarget {
  #sheet;
  /** @type {File | null} */
  #file = null;
  #came = 0;

  /** @param {HTMLElement} sheet Says in `data-scene` what it shows. */
  constructor(sheet) {
    super();
    this.#sheet = sheet;
    this.#sheet.dataset.scene = "drawing";
  }

  /** The picture; null while the drawing is on the page. */
  get file() {
    return this.#file;
  }

  get isPicture() {
    return this.#file !== null;
  }

  /** How many files came with the picture, itself among them. */
  get came() {
    return this.#came;
  }

  /**
   * @param {File} file
   * @param {number} came
   */
  showPicture(file, came) {
    this.#file = file;
    this.#came = came;
    this.#sheet.dataset.scene = "picture";
    this.dispatchEvent(new Event("picture"));
  }

  showDrawing() {
    if (this.#file === null) return;
    this.#file = null;
    this.#sheet.dataset.scene = "drawing";
    this.dispatchEvent(new Event("drawing"));
  }
}
