// The drawings on the desk: which page lies open, which drawing is looked at, which are selected, and every step taken.
// Pure: it calls no server and shows nothing.

/** @typedef {import("./review-calls.js").Drawing} Drawing */
/** @typedef {import("./review-calls.js").Found} Found */
/** @typedef {import("./review-calls.js").Label} Label */
/** @typedef {import("./review-calls.js").Verdict} Verdict */
/** @typedef {{ readonly drawings: readonly Drawing[], readonly next: string | null, readonly after: string, focus: number }} Page */
/** @typedef {"accept" | "reject" | { readonly truth: Label }} Act */
/** @typedef {{ verdicts: readonly Verdict[], before: readonly Verdict[], readonly page: number, readonly number: number }} Step */
/** @typedef {"left" | "right" | "up" | "down" | "first" | "last"} Move */

export class Desk {
  /** @type {Page[]} */
  #pages = [];
  #at = 0;
  /** @type {Map<number, Verdict>} What was said here of drawings, which lie there as they came. */
  #said = new Map();
  /** @type {Set<number>} */
  #chosen = new Set();
  /** @type {Step[]} */
  #steps = [];
  #taken = 0;
  /** How many steps were taken before the pages that lie here were fetched. */
  #earlier = 0;

  /**
   * Begin with a first page.
   *
   * @param {Pick<Found, "drawings" | "next">} found
   * @param {string} [after] Where it begins, if not at the first drawing of all.
   */
  begin(found, after = "") {
    this.#pages = [];
    this.#said.clear();
    this.#steps = [];
    this.#earlier = this.#taken;
    this.add(found, after);
  }

  /**
   * Lay another page down behind the others, and open it.
   *
   * @param {Pick<Found, "drawings" | "next">} found
   * @param {string} after
   */
  add({ drawings, next }, after) {
    this.#pages.push({ drawings, next, after, focus: 0 });
    this.#open(this.#pages.length - 1);
  }

  /** @returns {readonly Drawing[]} Those of the open page, as they stand by now. */
  get drawings() {
    return (this.#page?.drawings ?? []).map((drawing) => this.#asSaid(drawing));
  }

  /** The number of the open page among those that lie here, from 1 on; 0 where there is none. */
  get number() {
    return this.#pages.length === 0 ? 0 : this.#at + 1;
  }

  /** Where the open page begins. */
  get after() {
    return this.#page?.after ?? "";
  }

  get hasBefore() {
    return this.#at > 0;
  }

  /** Whether there are pages before the first one that lies here, as after a reload. */
  get startsLate() {
    return (this.#pages[0]?.after ?? "") !== "";
  }

  get hasNext() {
    return this.#at < this.#pages.length - 1 || this.wanted !== null;
  }

  /** @returns {string | null} Where a page begins that is to be fetched; null where the next one is there, or none is. */
  get wanted() {
    return this.#at === this.#pages.length - 1 ? (this.#page?.next ?? null) : null;
  }

  /** The place of the drawing that is looked at. */
  get focus() {
    return this.#page?.focus ?? 0;
  }

  /** @returns {Drawing | null} */
  get focused() {
    return this.drawings[this.focus] ?? null;
  }

  get chosen() {
    return this.#chosen.size;
  }

  get canUndo() {
    return this.#steps.length > 0;
  }

  /** Whether every drawing of the page was judged here. */
  get isDone() {
    return this.#nextUnjudged(0) === null;
  }

  /** @param {number} id */
  isChosen(id) {
    return this.#chosen.has(id);
  }

  /** @param {number} id */
  isJudged(id) {
    return this.#said.has(id);
  }

  /** @param {-1 | 1} by Turn to a page that is there. */
  turn(by) {
    if (this.#pages[this.#at + by] !== undefined) this.#open(this.#at + by);
  }

  /** @param {number} place */
  focusOn(place) {
    const page = this.#page;
    if (page !== undefined) page.focus = Math.max(0, Math.min(place, page.drawings.length - 1));
  }

  /**
   * @param {Move} move
   * @param {number} columns
   */
  move(move, columns) {
    const last = this.drawings.length - 1;
    const places = {
      left: this.focus - 1,
      right: this.focus + 1,
      up: this.focus - columns,
      down: this.focus + columns,
      first: 0,
      last,
    };
    const place = places[move];
    if (place >= 0 && place <= last) this.focusOn(place);
    else if (move === "down" && Math.floor(this.focus / columns) < Math.floor(last / columns)) this.focusOn(last);
  }

  /** @param {number} place Select a drawing, or no longer. */
  choose(place) {
    const id = this.drawings[place]?.id;
    if (id === undefined) return;
    if (!this.#chosen.delete(id)) this.#chosen.add(id);
  }

  /** Select all drawings from the one that is looked at to another. @param {number} place */
  chooseTo(place) {
    const [first, last] = [Math.min(this.focus, place), Math.max(this.focus, place)];
    for (const { id } of this.drawings.slice(first, last + 1)) this.#chosen.add(id);
  }

  /** Select what was not judged yet; all of the page where everything was; nothing where that is selected already. */
  chooseAll() {
    const open = this.drawings.filter(({ id }) => !this.isJudged(id));
    const wanted = (open.length > 0 ? open : this.drawings).map(({ id }) => id);
    const isThere = wanted.length === this.#chosen.size && wanted.every((id) => this.#chosen.has(id));
    this.#chosen = new Set(isThere ? [] : wanted);
  }

  clearChoice() {
    this.#chosen.clear();
  }

  /**
   * Judge the selected drawings, or else the one that is looked at; then look at the next that was not judged.
   *
   * @param {Act} act
   * @returns {Step | null} Null where there is no drawing.
   */
  judge(act) {
    const targets = this.#targets();
    if (targets.length === 0) return null;
    const step = { verdicts: targets.map((drawing) => verdictOf(drawing, act)), before: targets.map(standing), page: this.#at, number: (this.#taken += 1) };
    for (const verdict of step.verdicts) this.#said.set(verdict.id, verdict);
    this.#steps.push(step);
    this.#chosen.clear();
    this.focusOn(this.#nextUnjudged(this.focus) ?? this.focus + 1);
    return step;
  }

  /**
   * Take the last step back, and look at what it was about.
   *
   * @returns {Step | null} Null where there is none.
   */
  undo() {
    const step = this.#steps.at(-1) ?? null;
    if (step !== null) this.takeBack(step);
    return step;
  }

  /** @param {Step} step Take a step back that did not come about. */
  takeBack(step) {
    this.#keep(this.#steps.filter((one) => one !== step), step);
  }

  /** @param {Step} step Take a step after all, which could not be taken back. */
  putBack(step) {
    this.#keep([...this.#steps, step].sort((one, other) => one.number - other.number), step);
  }

  /**
   * Take drawings off the desk that are gone: from the pages, and from every step.
   *
   * @param {readonly number[]} ids
   * @param {Step} step One more, which may have been taken back.
   */
  drop(ids, step) {
    const isThere = (/** @type {{ readonly id: number }} */ { id }) => !ids.includes(id);
    this.#pages = this.#pages.map((page) => {
      const drawings = page.drawings.filter(isThere);
      const focus = page.drawings.slice(0, page.focus).filter(isThere).length;
      return { ...page, drawings, focus: Math.max(0, Math.min(focus, drawings.length - 1)) };
    });
    for (const one of new Set([...this.#steps, step])) {
      one.verdicts = one.verdicts.filter(isThere);
      one.before = one.before.filter(isThere);
    }
    this.#steps = this.#steps.filter(({ verdicts }) => verdicts.length > 0);
    for (const id of ids) this.#chosen.delete(id);
  }

  /** @param {readonly Verdict[]} verdicts Look at the first of these, if it lies on the open page. */
  lookAt([first]) {
    const place = this.drawings.findIndex(({ id }) => id === first?.id);
    if (place >= 0) this.focusOn(place);
  }

  /**
   * @param {Step[]} steps
   * @param {Step} changed The one that is among them now, or is no longer.
   */
  #keep(steps, changed) {
    if (changed.number <= this.#earlier) return; // other pages lie here since
    this.#steps = steps;
    for (const { id } of changed.verdicts) this.#said.delete(id);
    for (const step of steps) for (const verdict of step.verdicts) this.#said.set(verdict.id, verdict);
    this.#open(changed.page);
    this.lookAt(changed.verdicts);
  }

  get #page() {
    return this.#pages[this.#at];
  }

  /** @param {number} at */
  #open(at) {
    this.#at = at;
    this.#chosen.clear();
  }

  /** @param {Drawing} drawing */
  #asSaid(drawing) {
    const said = this.#said.get(drawing.id);
    return said === undefined ? drawing : { ...drawing, ...said, reading: weighedAgainst(drawing.reading, said.truth) };
  }

  #targets() {
    const chosen = this.drawings.filter(({ id }) => this.#chosen.has(id));
    return chosen.length > 0 ? chosen : this.drawings.slice(this.focus, this.focus + 1);
  }

  /** @param {number} from Looks behind that place first, and then before it. @returns {number | null} */
  #nextUnjudged(from) {
    const open = this.drawings.flatMap(({ id }, place) => (this.isJudged(id) ? [] : [place]));
    return open.find((place) => place >= from) ?? open[0] ?? null;
  }
}

/**
 * What the model made of a drawing, weighed against what it is said to be now.
 *
 * @param {Drawing["reading"]} reading
 * @param {Label} truth
 * @returns {Drawing["reading"]}
 */
function weighedAgainst(reading, truth) {
  const { shares, standings } = reading;
  const place = truth ?? shares.length - 1; // no digit stands last
  return { ...reading, of_truth: shares[place] ?? reading.of_truth, standing: standings[place] ?? reading.standing };
}

/**
 * @param {Drawing} drawing
 * @param {Act} act
 * @returns {Verdict}
 */
function verdictOf({ id, truth }, act) {
  if (act === "reject") return { id, status: "rejected", truth };
  return { id, status: "accepted", truth: act === "accept" ? truth : act.truth };
}

/**
 * @param {Drawing} drawing
 * @returns {Verdict}
 */
function standing({ id, status, truth }) {
  return { id, status, truth };
}

/**
 * Whether the server took back just this step, so that the desk shows what is so without it.
 *
 * @param {Step} step
 * @param {readonly Verdict[]} undone How the drawings stand again.
 */
export function isJust({ verdicts, before }, undone) {
  const changed = before.filter((old, i) => !isSame(old, verdicts[i]));
  return changed.length === undone.length && changed.every((old) => undone.some((now) => isSame(old, now)));
}

/**
 * Which drawings of a step are gone, as what the server took back of it tells: the others stand as before the step.
 *
 * @param {Step} step All of which was new to the server.
 * @param {readonly Verdict[]} undone How the drawings stand again.
 * @returns {readonly number[]} None where it took back another step.
 */
export function goneOf({ before }, undone) {
  const isOfIt = undone.length > 0 && undone.every((now) => before.some((old) => isSame(old, now)));
  return isOfIt ? before.filter(({ id }) => !undone.some((now) => now.id === id)).map(({ id }) => id) : [];
}

/**
 * @param {Verdict} one
 * @param {Verdict | undefined} other
 */
function isSame(one, other) {
  return one.id === other?.id && one.status === other.status && one.truth === other.truth;
}

/** @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">} Key */
/** @typedef {{ readonly act: Act } | { readonly move: Move } | { readonly command: "undo" | "choose" | "all" | "clear" | "before" | "next" }} Meaning */

/** @type {Readonly<Record<string, Meaning>>} */
const KEYS = {
  ArrowLeft: { move: "left" },
  ArrowRight: { move: "right" },
  ArrowUp: { move: "up" },
  ArrowDown: { move: "down" },
  Home: { move: "first" },
  End: { move: "last" },
  PageUp: { command: "before" },
  PageDown: { command: "next" },
  Enter: { act: "accept" },
  a: { act: "accept" },
  x: { act: "reject" },
  Delete: { act: "reject" },
  n: { act: { truth: null } },
  u: { command: "undo" },
  " ": { command: "choose" },
  Escape: { command: "clear" },
};

/**
 * What a key means on the desk.
 *
 * @param {Key} key
 * @returns {Meaning | null}
 */
export function meaningOf({ key, ctrlKey, metaKey, altKey }) {
  if (altKey) return null;
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey || metaKey) {
    if (name === "a") return { command: "all" };
    return name === "z" ? { command: "undo" } : null;
  }
  if (/^[0-9]$/.test(name)) return { act: { truth: Number(name) } };
  return Object.hasOwn(KEYS, name) ? (KEYS[name] ?? null) : null;
}
