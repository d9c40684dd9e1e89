// @ts-check
// The gallery of a report: cards that are filtered, sorted and walked by keys, and the list of findings.

import { cardItem } from "./cards.js";
import { openDocument, wireDocuments } from "./documents.js";
import { the } from "./elements.js";
import { ANY_FINDING, EVERYTHING, FIELDS, NO_FINDING, ORDERS } from "./filters.js";
import { counts, entries, hashOf, neighbour, ruleCounts, shown, wantedFrom } from "./filters.js";
import { listFindings } from "./findings.js";

/** @typedef {import("./filters.js").Card} Card */
/** @typedef {import("./filters.js").Wanted} Wanted */
/** @typedef {import("./findings.js").Finding} Finding */

const WIDE = "(min-width: 64rem)"; // as in the style: findings stand beside the cards
const AT_ONCE = 36, AT_A_TIME = 150; // cards: drawn before anything else, and in each task after it
const TYPING_MS = 60; // a pause in typing, before cards are looked for
const STACK = /^#stack-(\d+)/;
const KEPT = "dicom-report-shown"; // what was asked for, for the way back from a stack

const { cards, findings, more = 0 } = /** @type {{cards: Card[], findings: Finding[], more?: number}} */ (
  JSON.parse(the("#collection", HTMLScriptElement).text));
const all = entries(cards);
const form = the("form[role=search]", HTMLFormElement);
const list = the(".cards", HTMLUListElement);
const empty = the(".empty", HTMLParagraphElement); // what stands there in place of cards
/** @type {Map<number, HTMLLIElement>} */
const items = new Map(); // card by its number, once it was drawn
let wanted = EVERYTHING;
/** @type {Card[]} */
let listed = [];
let current = 0; // number of the card that the tab key reaches, in `listed`
/** @type {HTMLAnchorElement | null} */
let reached = null; // its link
let drawing = 0; // the task that adds further cards

fillMenus();
const findingsPlace = the("#findings", HTMLDetailsElement);
const listAllFindings = listFindings(findingsPlace, findings, more, {
  stacksOf: (rule) => all.filter(({ found }) => found.has(rule)).length,
  showOnly: (rule) => {
    ask({ ...EVERYTHING, sort: wanted.sort, finding: rule });
    the("#stacks", HTMLElement).scrollIntoView();
  },
});
findingsPlace.open = matchMedia(WIDE).matches;
wireForm();
wireKeys();
wirePrint();
wireRoom();
wireDocuments(go);
follow();
addEventListener("hashchange", follow);
wireWayBack();

// filters

function fillMenus() {
  const any = { patient: "every patient", modality: "every modality", kind: "every kind" };
  const none = { patient: "no patient", modality: "no modality", kind: "no kind" };
  for (const field of FIELDS) {
    fill(field, any[field], counts(all, field).map(([value, count]) => [`=${value}`, `${value || none[field]} (${count})`]));
  }
  const healthy = all.filter(({ found }) => found.size === 0).length;
  fill("finding", "any or none", [
    [`=${ANY_FINDING}`, `any finding (${all.length - healthy})`],
    [`=${NO_FINDING}`, `no finding (${healthy})`],
    ...ruleCounts(all).map(([rule, count]) => [`=${rule}`, `${rule} (${count})`]),
  ]);
  menu("sort").replaceChildren(...ORDERS.map(([value, text]) => new Option(text, value)));
}

/** @param {string} name */
function menu(name) {
  return the(`[name=${name}]`, HTMLSelectElement, form);
}

/**
 * @param {string} name
 * @param {string} any
 * @param {string[][]} options
 */
function fill(name, any, options) {
  menu(name).replaceChildren(new Option(any, ""), ...options.map(([value, text]) => new Option(text, value)));
}

function wireForm() {
  const words = the("[name=words]", HTMLInputElement, form);
  let typing = 0;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => ask(asked()));
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    const isThere = empty.contains(document.activeElement); // on a button that goes now
    ask(EVERYTHING);
    if (isThere && listed.length) focusCard(0);
  });
  words.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => ask(asked()), TYPING_MS);
  });
}

/** @returns {Wanted} */
function asked() {
  const read = (/** @type {string} */ name) => menu(name).value ? menu(name).value.slice(1) : null;
  return {
    patient: read("patient"), modality: read("modality"), kind: read("kind"), finding: read("finding"),
    words: the("[name=words]", HTMLInputElement, form).value, sort: menu("sort").value,
  };
}

/**
 * Shows what is wanted, and writes it into the address: "back" finds it again.
 * @param {Wanted} now
 */
function ask(now) {
  show(now);
  history.replaceState(null, "", `#${hashOf(now)}`);
}

/** @param {Wanted} now */
function show(now) {
  wanted = now;
  keep();
  const focused = listed[current];
  listed = shown(all, wanted).map(({ card }) => card);
  clear();
  draw(AT_ONCE);
  reach(Math.max(listed.indexOf(focused), 0));
  empty.hidden = listed.length > 0;
  showForm();
  const total = `${cards.length} ${cards.length === 1 ? "stack" : "stacks"}`;
  const count = listed.length === cards.length ? `All ${total}` : `${listed.length} of ${total}`;
  the("[name=count]", HTMLOutputElement, form).value = listed.length ? count : `None of ${total}`;
}

function showForm() {
  for (const name of /** @type {const} */ (["patient", "modality", "kind", "finding"])) {
    menu(name).value = wanted[name] === null ? "" : `=${wanted[name]}`;
  }
  menu("sort").value = wanted.sort;
  const words = the("[name=words]", HTMLInputElement, form);
  if (words.value !== wanted.words) words.value = wanted.words;
}

/** Takes all cards out; while they are laid out, each would cost time. */
function clear() {
  list.style.display = "none";
  void list.offsetHeight;
  list.replaceChildren();
  list.style.display = "";
}

/**
 * Adds cards until so many stand there; the others follow in tasks of their own, so that nobody waits for them.
 * @param {number} count
 */
function draw(count) {
  clearTimeout(drawing);
  list.append(...listed.slice(list.childElementCount, count).map(itemOf));
  const drawn = list.childElementCount;
  if (drawn < listed.length) drawing = setTimeout(() => draw(drawn + AT_A_TIME));
}

/** @param {Card} card */
function itemOf(card) {
  const item = items.get(card.id) ?? cardItem(card);
  items.set(card.id, item);
  return item;
}

// keys

/** @param {number} number of the card that the tab key reaches from now on */
function reach(number) {
  if (reached) reached.tabIndex = -1;
  current = number;
  reached = listed[number] ? linkOf(listed[number]) : null;
  if (reached) reached.tabIndex = 0;
}

/** @param {Card} card */
function linkOf(card) {
  return the(".title", HTMLAnchorElement, itemOf(card));
}

/** @param {number} number */
function focusCard(number) {
  draw(number + 1);
  reach(number);
  reached?.focus({ preventScroll: true });
  itemOf(listed[number]).scrollIntoView({ block: "nearest" });
}

function wireKeys() {
  list.addEventListener("focusin", (event) => {
    const item = event.target instanceof Element ? event.target.closest("li") : null;
    if (item) reach(listed.findIndex((card) => itemOf(card) === item));
  });
  list.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = neighbour(event.key, current, listed.length, columns());
    if (next < 0) return;
    event.preventDefault();
    focusCard(next);
  });
  addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key !== "/" || isTyping || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    the("[name=words]", HTMLInputElement, form).select();
  });
}

function columns() {
  return getComputedStyle(list).gridTemplateColumns.split(" ").length;
}

// the address

/** Shows what the address asks for: a document in this page, a card, or a choice of cards. */
function follow() {
  if (!listed.length) show(wantedFrom(STACK.test(location.hash) ? kept() : location.hash.slice(1)));
  if (openDocument(location.hash) || location.hash === "#stacks") return;
  const [, id = history.state?.card] = STACK.exec(location.hash) ?? [];
  if (!STACK.test(location.hash)) show(wantedFrom(location.hash.slice(1)));
  if (id) lookAt(Number(id));
}

/**
 * Goes to what an address names; without one back to the cards, and to that of the stack that was looked at.
 * @param {string} hash
 */
function go(hash) {
  const card = STACK.exec(location.hash)?.[1];
  if (hash) history.pushState(null, "", hash);
  else history.pushState(card ? { card: Number(card) } : null, "", `#${hashOf(wanted)}`);
  follow();
}

/**
 * Comes back to a card, wherever it stands.
 * @param {number} id
 */
function lookAt(id) {
  const place = () => listed.findIndex((card) => card.id === id);
  if (!cards.some((card) => card.id === id)) return;
  if (place() < 0) show(EVERYTHING);
  focusCard(place());
  const center = () => list.querySelector(`#card-${id}`)?.scrollIntoView({ block: "center" });
  center();
  requestAnimationFrame(center); // once the cards about it have their sizes
}

/** Notes the card that is left, for the way back by the browser's button. */
function wireWayBack() {
  list.addEventListener("click", (event) => {
    const item = event.target instanceof Element ? event.target.closest("li") : null;
    if (item) history.replaceState({ card: Number(item.id.slice("card-".length)) }, "");
  });
}

/** Notes what is shown: a stack's own page leads back to it. */
function keep() {
  try {
    sessionStorage.setItem(KEPT, hashOf(wanted));
  } catch {
    // some browsers keep nothing for a page from disk
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

// room

/** Tells the style how high the filters are, below which the findings stay in sight. */
function wireRoom() {
  const observer = new ResizeObserver(() => document.documentElement.style.setProperty("--form", `${form.offsetHeight}px`));
  observer.observe(form);
}

// paper

/** On paper every finding is listed and every picture is there. */
function wirePrint() {
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    draw(listed.length);
    for (const picture of list.querySelectorAll("img")) picture.loading = "eager";
    opened = [...document.querySelectorAll("details")].filter((details) => !details.open);
    listAllFindings();
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
}
