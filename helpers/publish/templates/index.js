// @ts-check
// The gallery of a report: cards that are filtered, sorted and walked by keys, and the list of findings.
// Values of headers reach the page as text only, through textContent, value and alt.

import { ANY_FINDING, EVERYTHING, FIELDS, NO_FINDING, ORDERS, SEVERITIES } from "./filters.js";
import { openDocument, wireDocuments } from "./documents.js";
import { counts, entries, hashOf, neighbour, ruleCounts, shown, wantedFrom } from "./filters.js";

/** @typedef {import("./filters.js").Card} Card */
/** @typedef {import("./filters.js").Wanted} Wanted */

/**
 * @typedef {object} Finding
 * @property {string} rule
 * @property {string} severity
 * @property {number | null} card
 * @property {string} where
 * @property {number | null} slice
 * @property {string} href
 * @property {string} value
 * @property {string} effect
 * @property {string} remedy
 * @property {string} clause
 */

const WIDE = "(min-width: 64rem)"; // as in the style: findings stand beside the cards
const FIRST_FINDINGS = 20; // of a rule; a button shows the others
const TYPING_MS = 60; // a pause in typing, before cards are looked for
const PLACES = /^(stacks\/\d+\.html|#stack-\d+)([#/]index=\d+)?$/; // where a card or finding may lead
const STACK = /^#stack-(\d+)/;
const KEPT = "dicom-report-shown"; // what was asked for, for the way back from a stack

const { cards, findings, more = 0 } = /** @type {{cards: Card[], findings: Finding[], more?: number}} */ (
  JSON.parse(the("#collection", HTMLScriptElement).text));
const all = entries(cards);
const form = the("form[role=search]", HTMLFormElement);
const list = the(".cards", HTMLUListElement);
const items = new Map(cards.map((card) => [card.id, cardItem(card)]));
/** @type {Map<HTMLDetailsElement, Finding[]>} */
const rules = new Map(); // each rule's place, and its findings
let wanted = EVERYTHING;
/** @type {Card[]} */
let listed = [];
let current = 0; // number of the card that the tab key reaches, in `listed`

fillMenus();
listFindings();
wireForm();
wireKeys();
wirePrint();
wireDocuments((hash) => {
  history.pushState(null, "", hash || `#${hashOf(wanted)}`);
  follow();
});
follow();
addEventListener("hashchange", follow);
wireWayBack();

// elements

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} [within]
 * @returns {T}
 */
function the(selector, kind, within = document) {
  const found = within.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`expected ${selector} in the page`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} kind
 * @param {string} className
 * @param {...(string | Node)} content
 * @returns {HTMLElementTagNameMap[K]}
 */
function make(kind, className, ...content) {
  const element = document.createElement(kind);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

/**
 * A shape and a word: no colour alone says how bad it is.
 * @param {string} severity
 */
function severityMark(severity) {
  return make("span", `severity ${SEVERITIES.includes(severity) ? severity : ""}`, severity);
}

// cards

/** @param {Card} card */
function cardItem(card) {
  const item = make("li", "card", pictureOf(card), titleOf(card), make("p", "", card.patient || "no patient"));
  const kind = [card.modality, card.kind].filter(Boolean).join(" ");
  item.append(make("p", "", [kind, imagesOf(card), card.spacing].filter(Boolean).join(" · ")));
  item.append(make("p", "", [card.size, card.series && `series ${card.series}`, pageOf(card)].filter(Boolean).join(" · ")));
  if (card.badges.length) item.append(badgesOf(card));
  item.id = `stack-${card.id}`;
  return item;
}

/** @param {Card} card */
function pictureOf(card) {
  if (!card.thumb) return make("div", "picture", make("span", "", card.why || "no picture"));
  const picture = make("img", "");
  Object.assign(picture, { loading: "lazy", decoding: "async", width: card.width, height: card.height, alt: card.alt });
  picture.src = card.thumb;
  return make("div", "picture", picture);
}

/** @param {Card} card */
function titleOf(card) {
  const link = make("a", "title", card.title || "no description");
  if (PLACES.test(card.page)) {
    link.href = card.page;
  } else {
    link.setAttribute("role", "link");
    link.setAttribute("aria-disabled", "true");
  }
  link.tabIndex = -1;
  return link;
}

/** @param {Card} card */
function imagesOf(card) {
  const images = `${card.images} ${card.images === 1 ? "image" : "images"}`;
  return card.positions && card.positions !== card.images ? `${images} at ${card.positions} positions` : images;
}

/** @param {Card} card */
function pageOf(card) {
  if (!card.page) return "";
  return card.alive ? "viewer" : "contact sheet";
}

/** @param {Card} card */
function badgesOf(card) {
  const badges = make("p", "badges", severityMark(card.severity));
  badges.append(...card.badges.map((badge) => make("span", "badge", badge)));
  return badges;
}

// filters

function fillMenus() {
  const any = { patient: "every patient", modality: "every modality", kind: "every kind" };
  const none = { patient: "no patient", modality: "no modality", kind: "no kind" };
  for (const field of FIELDS) {
    fill(field, any[field], counts(all, field).map(([value, count]) => [`=${value}`, `${value || none[field]} (${count})`]));
  }
  const healthy = all.filter(({ found }) => found.size === 0).length;
  fill("finding", "with and without", [
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
    ask(EVERYTHING);
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
  const focused = listed[current];
  listed = shown(all, wanted).map(({ card }) => card);
  list.replaceChildren(...listed.map(itemOf));
  reach(Math.max(listed.indexOf(focused), 0));
  showForm();
  const total = `${cards.length} ${cards.length === 1 ? "stack" : "stacks"}`;
  const count = listed.length === cards.length ? `All ${total}` : `${listed.length} of ${total}`;
  the("[name=count]", HTMLOutputElement, form).value = listed.length ? count : `None of ${total}: “Show all” brings them back`;
}

function showForm() {
  for (const name of /** @type {const} */ (["patient", "modality", "kind", "finding"])) {
    menu(name).value = wanted[name] === null ? "" : `=${wanted[name]}`;
  }
  menu("sort").value = wanted.sort;
  const words = the("[name=words]", HTMLInputElement, form);
  if (words.value !== wanted.words) words.value = wanted.words;
}

/** @param {Card} card */
function itemOf(card) {
  return /** @type {HTMLLIElement} */ (items.get(card.id));
}

// keys

/** @param {number} number of the card that the tab key reaches from now on */
function reach(number) {
  for (const link of list.querySelectorAll(".title[tabindex='0']")) link.setAttribute("tabindex", "-1");
  current = number;
  if (listed[number]) linkOf(listed[number]).tabIndex = 0;
}

/** @param {Card} card */
function linkOf(card) {
  return the(".title", HTMLAnchorElement, itemOf(card));
}

/** @param {number} number */
function focusCard(number) {
  reach(number);
  const link = linkOf(listed[number]);
  link.focus({ preventScroll: true });
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

// findings

function listFindings() {
  const place = the("#findings", HTMLDetailsElement);
  /** @type {Map<string, Finding[]>} */
  const byRule = new Map();
  for (const finding of findings) {
    const name = `${finding.severity} ${finding.rule}`;
    byRule.set(name, [...(byRule.get(name) ?? []), finding]);
  }
  const rank = (/** @type {Finding[]} */ [first]) => SEVERITIES.indexOf(first.severity);
  const groups = [...byRule.values()].sort((a, b) => rank(a) - rank(b) || b.length - a.length);
  place.append(...groups.map(ruleDetails));
  if (!findings.length) place.append(make("p", "", "No rule found anything in the headers."));
  if (more) place.append(make("p", "", `${more} further findings are not listed here; the page on quality has them.`));
  the("h2", HTMLElement, place).append(` (${findings.length + more})`);
  place.open = matchMedia(WIDE).matches;
}

/** @param {Finding[]} group of one rule */
function ruleDetails(group) {
  const { rule, severity } = group[0];
  const summary = make("summary", "", severityMark(severity), make("span", "rule", rule), make("span", "number", `${group.length}`));
  const details = make("details", "", summary);
  details.addEventListener("toggle", () => {
    if (!details.querySelector("ol")) fillRule(details, group, FIRST_FINDINGS);
  });
  rules.set(details, group);
  return details;
}

/**
 * What the rule says of all, and its first findings; made when they are looked at.
 * @param {HTMLDetailsElement} details
 * @param {Finding[]} group
 * @param {number} first
 */
function fillRule(details, group, first) {
  const common = /** @type {const} */ (["effect", "remedy", "clause"]).filter((part) =>
    group.every((finding) => finding[part] === group[0][part]));
  const found = make("ol", "", ...group.slice(0, first).map((finding) => findingItem(finding, common)));
  const parts = common.map((part) => group[0][part]).filter(Boolean).map((text) => make("p", "", text));
  details.replaceChildren(the("summary", HTMLElement, details), ...parts, ...onlyThese(group), found);
  if (group.length <= first) return;
  const others = make("button", "", `Show the other ${group.length - first}`);
  others.type = "button";
  others.onclick = () => {
    fillRule(details, group, group.length);
    details.querySelectorAll("li")[first]?.querySelector("a")?.focus();
  };
  details.append(others);
}

/** @param {Finding[]} group */
function onlyThese(group) {
  const { rule } = group[0];
  const count = all.filter(({ found }) => found.has(rule)).length;
  if (!count) return [];
  const button = make("button", "", count === 1 ? "Show only its stack" : `Show only its ${count} stacks`);
  button.type = "button";
  button.onclick = () => {
    ask({ ...EVERYTHING, sort: wanted.sort, finding: rule });
    the("#stacks", HTMLElement).scrollIntoView();
  };
  return [button];
}

/**
 * @param {Finding} finding
 * @param {string[]} common said of all already
 */
function findingItem(finding, common) {
  const item = make("li", "", whereOf(finding));
  if (finding.value) item.append(`: ${finding.value}`);
  for (const part of /** @type {const} */ (["effect", "remedy", "clause"])) {
    if (!common.includes(part) && finding[part]) item.append(make("p", "", finding[part]));
  }
  return item;
}

/** @param {Finding} finding */
function whereOf(finding) {
  const text = finding.where || "the collection";
  const href = PLACES.test(finding.href) ? finding.href : finding.card === null ? "" : `#stack-${finding.card}`;
  if (!href) return text;
  const link = make("a", "", finding.slice === null ? text : `${text}, slice ${finding.slice + 1}`);
  link.href = href;
  return link;
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
 * Comes back to a card, wherever it stands.
 * @param {number} id
 */
function lookAt(id) {
  const place = () => listed.findIndex((card) => card.id === id);
  if (!items.has(id)) return;
  if (place() < 0) show(EVERYTHING);
  focusCard(place());
  const center = () => list.querySelector(`#stack-${id}`)?.scrollIntoView({ block: "center" });
  center();
  requestAnimationFrame(center); // once the cards about it have their sizes
}

/** Notes what is left, for the way back: by the browser's button, and by the link of a stack. */
function wireWayBack() {
  list.addEventListener("click", (event) => {
    const item = event.target instanceof Element ? event.target.closest("li") : null;
    if (item) history.replaceState({ card: Number(item.id.slice("stack-".length)) }, "");
  });
  addEventListener("pagehide", () => {
    try {
      sessionStorage.setItem(KEPT, hashOf(wanted));
    } catch {
      // some browsers keep nothing for a page from disk
    }
  });
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

// paper

/** On paper every finding is listed and every picture is there. */
function wirePrint() {
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  addEventListener("beforeprint", () => {
    for (const picture of list.querySelectorAll("img")) picture.loading = "eager";
    opened = [...document.querySelectorAll("details")].filter((details) => !details.open);
    for (const [details, group] of rules) fillRule(details, group, group.length);
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
}
