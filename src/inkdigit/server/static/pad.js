// The pad: pointers and keys -> strokes. Its events leave it; nothing reaches into it.

import { isArrow, step } from "./keys.js";
import { SQUARE, keepNear, paperFor } from "./paper.js";
import { context2d, drawStrokes, drawTinted } from "./render.js";
import { EMPTY, SIZE, commit, extendStroke, redo, startStroke, strokeLength, undo } from "./strokes.js";

/** @typedef {import("./paper.js").Paper} Paper */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./strokes.js").Point} Point */
/** @typedef {import("./render.js").Tint} Tint */
/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {{ id: number, type: string, stroke: Stroke }} Pen  What draws at present. */

const KEYBOARD = { id: -1, type: "keyboard" };
/** A cancelled touch shorter than this, in drawing units, was a palm or the start of a gesture, and no ink. */
const ACCIDENT = 8;

/**
 * Events: `change` (ink came or went), `strokeend` (the pen was lifted), `clear` (the paper was wiped), `penmove` (the
 * keyboard pen went down, up or elsewhere, or got another width), `paper` (it has another size).
 */
export class Pad extends EventTarget {
  #surface;
  #canvas;
  #history = EMPTY;
  /** @type {Pen | null} */
  #pen = null;
  #width = 19;
  /** @type {Paper} */
  #paper = SQUARE;
  /** @type {Point} */
  #cursor = { x: SIZE / 2, y: SIZE / 2 };
  /** @type {Set<string>} */
  #held = new Set();
  #frame = 0;
  /** @type {Tint | null} */
  #tint = null;

  /**
   * @param {HTMLElement} surface Takes pointers, focus and keys.
   * @param {HTMLCanvasElement} canvas Fills the surface; ink has its CSS `color`.
   */
  constructor(surface, canvas) {
    super();
    this.#surface = surface;
    this.#canvas = canvas;
    this.#listenToPointers();
    this.#listenToKeys();
    new ResizeObserver(() => this.#fit()).observe(canvas);
  }

  /** What is on the paper, the stroke under way included. */
  get drawing() {
    return this.#pen === null ? this.#history.present : [...this.#history.present, this.#pen.stroke];
  }

  /** How large the paper is: the drawing's coordinates go from 0 to these. */
  get paper() {
    return this.#paper;
  }

  get canUndo() {
    return this.#pen !== null || this.#history.past.length > 0;
  }

  get canRedo() {
    return this.#pen === null && this.#history.future.length > 0;
  }

  get isPenDown() {
    return this.#pen !== null;
  }

  /** Where the keyboard pen is. */
  get cursor() {
    return this.#cursor;
  }

  /** The width of the next stroke, in drawing units. */
  get penWidth() {
    return this.#width;
  }

  set penWidth(width) {
    this.#width = width;
    this.#emit("penmove");
  }

  /** @param {Tint | null} tint Other colours for the ink that is there; null for its own. */
  set tint(tint) {
    this.#tint = tint;
    this.repaint();
  }

  /** Take back the last stroke or the last clearing; a stroke under way is abandoned instead. */
  undo() {
    if (this.#pen === null) this.#history = undo(this.#history);
    this.#takeUp();
    this.#fit();
    this.#changed();
  }

  redo() {
    if (!this.canRedo) return;
    this.#history = redo(this.#history);
    this.#fit();
    this.#changed();
  }

  clear() {
    this.#takeUp();
    if (this.#history.present.length > 0) this.#history = commit(this.#history, []);
    this.#fit();
    this.#emit("clear");
  }

  /** @param {Drawing} drawing It takes the place of what is there, and can be undone. */
  show(drawing) {
    this.#takeUp();
    this.#history = commit(this.#history, drawing);
    this.#fit();
    this.#changed();
  }

  /** Paint again in the next frame, for another size, pixel ratio or colour scheme. */
  repaint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
  }

  /** Take a paper of the pad's proportions, on which all ink of before finds room. */
  #fit() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (width === 0 || height === 0) return; // out of sight
    this.#paper = paperFor(width, height, this.drawing);
    this.#cursor = step(this.#cursor, [], false, this.#paper);
    this.#emit("paper");
    this.repaint();
  }

  // --- strokes ---

  /**
   * @param {{ id: number, type: string }} pen
   * @param {Point} point
   */
  #putDown({ id, type }, point) {
    this.#pen = { id, type, stroke: startStroke(this.#width, point) };
    this.#changed();
  }

  /** @param {readonly Point[]} points */
  #moveOn(points) {
    if (this.#pen === null) return;
    const stroke = extendStroke(this.#pen.stroke, points);
    if (stroke === this.#pen.stroke) return;
    this.#pen = { ...this.#pen, stroke };
    this.#changed();
  }

  #lift() {
    if (this.#pen === null) return;
    const { stroke } = this.#pen;
    this.#takeUp();
    this.#history = commit(this.#history, [...this.#history.present, stroke]);
    this.#emit("strokeend");
  }

  #abandon() {
    this.#takeUp();
    this.#changed();
  }

  /** Whatever becomes of its stroke. */
  #takeUp() {
    const isKeyboard = this.#pen?.type === KEYBOARD.type;
    this.#pen = null;
    if (isKeyboard) this.#emit("penmove");
  }

  #changed() {
    this.repaint();
    this.#emit("change");
  }

  /** @param {"change" | "strokeend" | "clear" | "penmove" | "paper"} name */
  #emit(name) {
    this.dispatchEvent(new Event(name));
  }

  // --- pointers ---

  #listenToPointers() {
    const surface = this.#surface;
    surface.addEventListener("pointerdown", (event) => this.#pointerDown(event));
    surface.addEventListener("pointermove", (event) => this.#isDrawing(event) && this.#moveOn(this.#pointsOf(event)));
    surface.addEventListener("pointerup", (event) => this.#pointerUp(event));
    surface.addEventListener("pointercancel", (event) => this.#pointerCancel(event));
    surface.addEventListener("lostpointercapture", (event) => this.#isDrawing(event) && this.#lift());
    // A long press must not open a menu over the drawing.
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** @param {PointerEvent} event */
  #pointerDown(event) {
    if (event.button !== 0 || !this.#makeWayFor(event)) return;
    event.preventDefault();
    this.#surface.focus({ preventScroll: true });
    this.#surface.dataset.by = "pointer";
    this.#surface.setPointerCapture(event.pointerId);
    this.#putDown({ id: event.pointerId, type: event.pointerType }, this.#pointOf(event));
  }

  /**
   * A second finger or a palm does not draw while something draws; but a pen that comes after the palm takes over.
   *
   * @param {PointerEvent} event
   * @returns {boolean} Whether the pointer may draw.
   */
  #makeWayFor(event) {
    if (this.#pen === null) return true;
    if (this.#pen.type === KEYBOARD.type) this.#lift();
    else if (this.#pen.type === "touch" && event.pointerType === "pen") this.#abandon();
    return this.#pen === null;
  }

  /** @param {PointerEvent} event */
  #pointerUp(event) {
    if (!this.#isDrawing(event)) return;
    this.#moveOn([this.#pointOf(event)]);
    this.#lift();
  }

  /** @param {PointerEvent} event */
  #pointerCancel(event) {
    if (this.#pen === null || !this.#isDrawing(event)) return;
    if (strokeLength(this.#pen.stroke) < ACCIDENT) this.#abandon();
    else this.#lift();
  }

  /** @param {PointerEvent} event */
  #isDrawing(event) {
    return this.#pen?.id === event.pointerId;
  }

  /**
   * All places the pointer passed since the last event, also those a busy page got in one event.
   *
   * @param {PointerEvent} event
   * @returns {Point[]}
   */
  #pointsOf(event) {
    const passed = event.getCoalescedEvents?.() ?? [];
    return (passed.length > 0 ? passed : [event]).map((one) => this.#pointOf(one));
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #pointOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const point = {
      x: ((clientX - left) / width) * this.#paper.width,
      y: ((clientY - top) / height) * this.#paper.height,
    };
    return keepNear(point, this.#paper);
  }

  // --- keys ---

  #listenToKeys() {
    const surface = this.#surface;
    surface.addEventListener("keydown", (event) => this.#keyDown(event));
    surface.addEventListener("keyup", (event) => this.#held.delete(event.key));
    surface.addEventListener("blur", () => {
      this.#held.clear();
      delete surface.dataset.by;
      if (this.#pen?.type === KEYBOARD.type) this.#lift();
    });
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    this.#surface.dataset.by = "keyboard";
    if (isArrow(event.key)) this.#arrow(event);
    else if ((event.key === " " || event.key === "Enter") && !event.repeat) this.#toggle();
    else if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  #arrow({ key, shiftKey }) {
    this.#held.add(key);
    this.#cursor = step(this.#cursor, this.#held, shiftKey, this.#paper);
    if (this.#pen?.type === KEYBOARD.type) this.#moveOn([this.#cursor]);
    this.#emit("penmove");
  }

  #toggle() {
    if (this.#pen?.type === KEYBOARD.type) return this.#lift();
    if (this.#pen !== null) return;
    this.#putDown(KEYBOARD, this.#cursor);
    this.#emit("penmove");
  }

  // --- picture ---

  #paint() {
    const canvas = this.#canvas;
    this.#surface.classList.toggle("has-ink", this.drawing.length > 0);
    this.#surface.classList.toggle("is-tinted", this.#tint !== null);
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = context2d(canvas);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.scale(width / this.#paper.width, height / this.#paper.height);
    if (this.#tint === null) drawStrokes(context, this.drawing, getComputedStyle(canvas).color);
    else drawTinted(context, this.drawing, this.#tint);
  }
}
