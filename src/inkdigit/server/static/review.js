// Wires the review: the door, the desk, its grid and keys, and the statistics.

import { Refusal, ServerAway } from "./api.js";
import { storeOf } from "./memory.js";
import { Office } from "./review-calls.js";
import { showStatistics } from "./review-charts.js";
import { Desk, goneOf, isJust, meaningOf } from "./review-desk.js";
import { Grid } from "./review-grid.js";
import { START, hashOf, placeFrom, queryOf } from "./review-place.js";
import { countsInWords, nameOf, readingInWords, undoneInWords, verdictInWords, withGone } from "./review-words.js";
import { find } from "./view.js";

/** @typedef {import("./review-calls.js").Counts} Counts */
/** @typedef {import("./review-calls.js").Found} Found */
/** @typedef {import("./review-calls.js").Verdict} Verdict */
/** @typedef {import("./review-desk.js").Act} Act */
/** @typedef {import("./review-desk.js").Step} Step */
/** @typedef {import("./review-place.js").Place} Place */

const KEY = "inkdigit-admin-key";
const store = storeOf(() => window.sessionStorage);
const BASE = new URL("api/v1/review/", document.baseURI);
const UNCHANGED = "Nothing was changed; try again.";

const parts = {
  views: find(document, "#views", HTMLElement),
  door: find(document, "#door", HTMLFormElement),
  key: find(document, "#key", HTMLInputElement),
  keySaid: find(document, "#key-said", HTMLElement),
  desk: find(document, "#desk", HTMLElement),
  status: find(document, "#status", HTMLSelectElement),
  order: find(document, "#order", HTMLSelectElement),
  filter: find(document, "#filter", HTMLAnchorElement),
  counts: find(document, "#counts", HTMLElement),
  notice: find(document, "#notice", HTMLElement),
  grid: find(document, "#grid", HTMLElement),
  before: find(document, "#before", HTMLButtonElement),
  next: find(document, "#next", HTMLButtonElement),
  place: find(document, "#place", HTMLElement),
  about: find(document, "#about", HTMLElement),
  undo: find(document, "#undo", HTMLButtonElement),
  statistics: find(document, "#statistics", HTMLElement),
  said: find(document, "#said", HTMLElement),
  model: find(document, "#model", HTMLElement),
};

const desk = new Desk();
const grid = new Grid(parts.grid, desk);
/** @type {Office | null} */
let office = null;
let place = placeFrom(location.hash);
/** What was asked last: an answer to anything before it comes too late. */
let asked = 0;
/** Questions under way whose answer lays other drawings on the desk: until then no key means anything. */
let waits = 0;
/** What went wrong last, until something goes well. */
let complaint = "";
/** What was said last, where it is to be seen, too. */
let remark = "";
/** Steps go to the server one after the other, in the order in which they were taken. */
let line = Promise.resolve();
/** @type {WeakMap<Step, number>} How many drawings a step changed. */
const changed = new WeakMap();

// --- the door

/** @param {string} [why] */
function close(why = "") {
  office = null;
  store.removeItem(KEY);
  parts.door.hidden = false;
  for (const part of [parts.desk, parts.statistics, parts.views]) part.hidden = true;
  parts.keySaid.textContent = why;
  parts.key.value = "";
  parts.key.focus();
}

/** @param {string} key */
async function open(key) {
  if (!/^[!-~]+$/.test(key)) return close("That is not the key: it has no spaces, and letters of ASCII only.");
  office = new Office(BASE, key);
  if (!(await go())) return undefined;
  store.setItem(KEY, key);
  parts.door.hidden = true;
  parts.views.hidden = false;
  grid.show(place.view === "drawings");
  return undefined;
}

parts.door.addEventListener("submit", (event) => {
  event.preventDefault();
  void open(parts.key.value.trim());
});
find(document, "#forget", HTMLButtonElement).addEventListener("click", () => close());

// --- where one is

/** Show what the address says. @returns {Promise<boolean>} Whether it came about. */
async function go() {
  return place.view === "statistics" ? goToStatistics() : goToDrawings();
}

/** @param {Partial<Place>} change */
function moveTo(change) {
  place = { ...place, ...change };
  history.replaceState(null, "", hashOf(place));
}

window.addEventListener("hashchange", () => {
  place = placeFrom(location.hash);
  if (office !== null) void go();
});
for (const [name, part] of /** @type {const} */ ([["status", parts.status], ["order", parts.order]])) {
  part.addEventListener("change", () => {
    moveTo({ [name]: part.value, after: "" });
    void go();
  });
}

for (const link of parts.views.querySelectorAll("a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    turnTo(link.dataset.view === "statistics" ? "statistics" : "drawings");
  });
}

/** @param {Place["view"]} view The drawings lie there as they were left. */
function turnTo(view) {
  place = { ...place, view };
  history.pushState(null, "", hashOf(place));
  if (view === "statistics" || desk.number === 0) return void go();
  showView();
  return show(true);
}

function showView() {
  parts.statistics.hidden = place.view !== "statistics";
  parts.desk.hidden = place.view === "statistics";
  for (const link of parts.views.querySelectorAll("a")) {
    if (link.dataset.view === place.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function goToStatistics() {
  return attempt(async (isLate) => {
    const statistics = await readAll(() => office?.statistics(), isLate);
    if (statistics === null) return;
    showView();
    showModel(statistics.model);
    showStatistics(parts.statistics, statistics);
  });
}

/** @param {readonly Verdict[] | null} [undone] What was taken back, if that is why; it was told already. */
async function goToDrawings(undone = null) {
  parts.status.value = place.status;
  parts.order.value = place.order;
  return attempt(async (isLate) => {
    const found = await fetchPage(place.after, isLate);
    if (found === null) return;
    desk.begin(found, place.after);
    desk.lookAt(undone ?? []);
    showView();
    showFilter(found);
    if (undone === null) tell("");
    const { activeElement } = document;
    show(activeElement === document.body || parts.grid.contains(activeElement));
  });
}

/** @param {Found} found */
function showFilter({ matching }) {
  const { truth, reading } = place;
  parts.filter.hidden = truth === "any" && reading === "any";
  const words = [truth === "any" ? "" : `labelled ${truth}`, reading === "any" ? "" : `read as ${reading}`];
  parts.filter.textContent = `${words.filter((word) => word !== "").join(", ")}: ${matching} ×`;
  parts.filter.setAttribute("aria-label", `Only drawings ${words.filter((word) => word !== "").join(", ")}; show all`);
  parts.filter.href = hashOf({ ...START, status: place.status, order: place.order });
}

// --- pages

/**
 * @param {string} after
 * @param {() => boolean} isLate
 */
async function fetchPage(after, isLate) {
  const found = await readAll(() => office?.drawings(queryOf(place, after)), isLate);
  if (found !== null) {
    showModel(found.model);
    showCounts(found.counts);
  }
  return found;
}

/** @param {-1 | 1} by */
async function turn(by) {
  const { wanted } = desk;
  if (by === 1 && wanted !== null) {
    await attempt(async (isLate) => {
      const found = await fetchPage(wanted, isLate);
      if (found !== null) desk.add(found, wanted);
    });
  } else desk.turn(by);
  showPage();
}

async function turnBack() {
  if (desk.hasBefore) return turn(-1);
  if (!desk.startsLate) return;
  moveTo({ after: "" });
  if (await go()) show(true);
}

// --- steps

/** @param {Act} act */
function judge(act) {
  const step = desk.judge(act);
  if (step === null) return;
  tell(verdictInWords(step.verdicts));
  const isEnd = desk.isDone && desk.hasNext;
  show(true);
  line = line.then(() => send(step));
  if (isEnd) void turn(1);
}

/** @param {Step} step */
async function send(step) {
  const isDone = await attempt(async () => {
    const answer = await office?.review(step.verdicts);
    if (answer === undefined) return;
    changed.set(step, answer.changed);
    showCounts(answer.counts);
    dropGone(answer.missing, step, (kept, of) => verdictInWords(kept, of));
  }, false, "Perhaps it was stored all the same; reload the page to see.");
  if (isDone) return;
  desk.takeBack(step);
  showPage();
}

/**
 * Take off the desk what was deleted by its writer since it was laid there, and say so.
 *
 * @param {readonly number[]} ids
 * @param {Step} step Of which they were a part.
 * @param {(kept: readonly Verdict[], of: number) => string} words For what became of the rest of it.
 */
function dropGone(ids, step, words) {
  if (ids.length === 0) return;
  const of = step.verdicts.length;
  const hadFocus = parts.grid.contains(document.activeElement);
  desk.drop(ids, step);
  show(hadFocus);
  tell(withGone(step.verdicts.length === 0 ? "" : words(step.verdicts, of), ids.length), true);
}

function undo() {
  const step = desk.undo();
  showPage();
  line = line.then(async () => {
    const isDone = await attempt(() => takeBack(step), false, "Perhaps the step was taken back all the same; reload the page to see.");
    if (isDone || step === null) return;
    desk.putBack(step);
    showPage();
  });
}

/** @param {Step | null} step */
async function takeBack(step) {
  const count = step === null ? null : changed.get(step);
  if (count === undefined) return; // it did not come about
  if (step !== null && count === 0) {
    if (!isJust(step, [])) anew([], "There is nothing to take back: somebody else had said the same.");
    return;
  }
  const answer = await office?.undo();
  if (answer === undefined) return;
  showCounts(answer.counts);
  const { drawings } = answer;
  const gone = step !== null && count === step.verdicts.length ? goneOf(step, drawings) : [];
  if (step !== null && gone.length > 0) return dropGone(gone, step, () => undoneInWords(drawings, "this"));
  if (step !== null && isJust(step, drawings)) tell(undoneInWords(drawings, "this"));
  else if (step === null && drawings.length === 0) tell(undoneInWords(drawings, "unknown"));
  else anew(drawings, undoneInWords(drawings, step === null ? "unknown" : "another"));
}

/**
 * Fetch the drawings anew, where the last step of all was another than the desk shows as taken back.
 *
 * @param {readonly Verdict[]} undone
 * @param {string} words
 */
function anew(undone, words) {
  tell(words, true);
  wait(1); // a verdict before the new list is there would not be seen on it
  line = line.then(() => goToDrawings(undone)).then(() => wait(-1));
}

// --- showing

/** Show the page that lies open by now, which may be another one, and have the address say which. */
function showPage() {
  if (waits === 0) moveTo({ after: desk.after }); // else another list is on its way, and the address is that one's
  show(true);
}

/** @param {boolean} focus */
function show(focus) {
  grid.show(focus);
  const { focused, chosen } = desk;
  parts.before.disabled = !desk.hasBefore && !desk.startsLate;
  parts.before.textContent = desk.hasBefore || !desk.startsLate ? "Page before" : "First page";
  parts.next.disabled = !desk.hasNext;
  parts.place.textContent = desk.drawings.length === 0 || desk.startsLate ? "" : `Page ${desk.number}`;
  showNotice();
  if (chosen > 0) parts.about.textContent = `${chosen} selected`;
  else parts.about.textContent = focused === null ? "" : `Labelled ${nameOf(focused.truth)}; ${readingInWords(focused.reading)}`;
}

function showNotice() {
  const nothing = desk.drawings.length === 0 ? "There is nothing to look at here." : "";
  const words = complaint === "" ? `${remark} ${nothing}`.trim() : complaint;
  parts.notice.hidden = words === "";
  parts.notice.textContent = words;
}

/** @param {string} version */
function showModel(version) {
  parts.model.textContent = `with ${version}`;
}

/** @param {Counts} counts */
function showCounts(counts) {
  parts.counts.textContent = countsInWords(counts);
}

/**
 * @param {string} words
 * @param {boolean} [isSeen] Whether they stand above the drawings, too, until something else is told.
 */
function tell(words, isSeen = false) {
  parts.said.textContent = words;
  remark = isSeen ? words : "";
  showNotice();
}

/**
 * Do something that asks the server; if it fails, say so.
 *
 * @param {(isLate: () => boolean) => Promise<void>} work
 * @param {boolean} [isNew] Whether an answer to what was asked before comes too late from now on.
 * @param {string} [unknown] What to say where no answer came, so that the server may have done it; else nothing changed.
 * @returns {Promise<boolean>} Whether it came about.
 */
async function attempt(work, isNew = true, unknown = UNCHANGED) {
  const number = isNew ? (asked += 1) : asked;
  wait(isNew ? 1 : 0);
  try {
    await work(() => number !== asked);
    complaint = "";
    showNotice();
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) close("That is not the key.");
    else if (error instanceof ServerAway) complain(error.message, error.isUp ? UNCHANGED : unknown);
    else if (error instanceof Refusal) complain(error.message);
    else throw error;
    return false;
  } finally {
    wait(isNew ? -1 : 0);
  }
}

/** @param {number} more */
function wait(more) {
  waits += more;
  parts.grid.setAttribute("aria-busy", String(waits > 0));
}

/**
 * @param {string} words
 * @param {string} [outcome]
 */
function complain(words, outcome = UNCHANGED) {
  if (!parts.door.hidden) parts.keySaid.textContent = words;
  complaint = `${words} ${outcome}`;
  showNotice();
  tell(words);
}

/**
 * Ask until the model has read every drawing.
 *
 * @template {{ readonly unread: number }} T
 * @param {() => Promise<T> | undefined} ask
 * @param {() => boolean} isLate
 * @returns {Promise<T | null>} Null where something else was asked meanwhile.
 */
async function readAll(ask, isLate) {
  for (;;) {
    const answer = await ask();
    if (answer === undefined || isLate()) return null;
    if (answer.unread === 0) return answer;
    parts.notice.hidden = false;
    parts.notice.textContent = `The model reads the drawings; ${answer.unread} are left.`;
  }
}

// --- hands

/** @type {Readonly<Record<string, () => void>>} */
const COMMANDS = {
  undo,
  before: () => void turnBack(),
  next: () => void (desk.hasNext && turn(1)),
  choose: () => chosen(() => desk.choose(desk.focus)),
  all: () => chosen(() => desk.chooseAll()),
  clear: () => chosen(() => desk.clearChoice()),
};

/** @param {() => void} choose */
function chosen(choose) {
  choose();
  show(true);
  tell(desk.chosen === 0 ? "Nothing is selected." : `${desk.chosen} selected.`);
}

document.addEventListener("keydown", (event) => {
  const meaning = meaningOf(event);
  if (meaning === null || !isMeant(event, meaning)) return;
  event.preventDefault();
  if (waits > 0 || (event.repeat && !("move" in meaning))) return; // a key that is held judges nothing nobody has looked at
  if ("act" in meaning) judge(meaning.act);
  else if ("command" in meaning) COMMANDS[meaning.command]?.();
  else {
    desk.move(meaning.move, grid.columns);
    show(true);
  }
});

/**
 * Keys go to the drawings; where none is left, the last step can be taken back all the same.
 *
 * @param {KeyboardEvent} event
 * @param {import("./review-desk.js").Meaning} meaning
 */
function isMeant({ target }, meaning) {
  if (parts.desk.hidden || !(target instanceof Node)) return false;
  return parts.grid.contains(target) || (target === document.body && "command" in meaning && meaning.command === "undo");
}

grid.addEventListener("pick", (event) => {
  if (!(event instanceof CustomEvent)) return;
  const { place: picked, range, again } = event.detail;
  const toggle = event.detail.toggle || (again && !range);
  if (range) desk.chooseTo(picked);
  desk.focusOn(picked);
  if (toggle) desk.choose(picked);
  show(true);
});

for (const [id, work] of Object.entries({
  accept: () => judge("accept"),
  reject: () => judge("reject"),
  all: () => COMMANDS.all?.(),
  undo,
  before: () => COMMANDS.before?.(),
  next: () => COMMANDS.next?.(),
})) {
  find(document, `#${id}`, HTMLButtonElement).addEventListener("click", () => waits === 0 && work());
}
for (const button of parts.desk.querySelectorAll("button[data-truth]")) {
  const truth = button.getAttribute("data-truth");
  button.addEventListener("click", () => waits === 0 && judge({ truth: truth === "none" ? null : Number(truth) }));
}

const kept = store.getItem(KEY);
if (kept === null) close();
else void open(kept);
