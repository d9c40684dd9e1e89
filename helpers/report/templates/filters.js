// @ts-check
// Which cards are shown, and in which order? Nothing here touches the page.

/**
 * @typedef {object} Card a stack, as the gallery has it
 * @property {number} id
 * @property {string} patient
 * @property {string} modality
 * @property {string} kind
 * @property {string} title
 * @property {string} series
 * @property {number} images
 * @property {number} positions
 * @property {string} spacing
 * @property {string} size
 * @property {string} thumb
 * @property {string} alt
 * @property {number} width
 * @property {number} height
 * @property {string} page
 * @property {boolean} alive
 * @property {string} why
 * @property {string[]} badges
 * @property {string} severity
 */

/** @typedef {{card: Card, words: string, found: Map<string, number>, severity: number}} Entry */

/** @typedef {"patient" | "modality" | "kind"} Field */

/**
 * What is asked for: a field that is null takes any value.
 * @typedef {object} Wanted
 * @property {string | null} patient
 * @property {string | null} modality
 * @property {string | null} kind
 * @property {string | null} finding a rule, or ANY_FINDING, or NO_FINDING
 * @property {string} words
 * @property {string} sort
 */

/** @type {Field[]} */
export const FIELDS = ["patient", "modality", "kind"];
export const ANY_FINDING = "*", NO_FINDING = "";
export const SEVERITIES = ["error", "warning", "note", ""];
const SORTS = { best: "best first", patient: "by patient", images: "most images first", findings: "worst findings first" };
export const ORDERS = Object.entries(SORTS);
const BADGE = /^(.*?)(?: (\d+))?$/; // a rule and how often
const MARKS = /\p{M}/gu; // accents, once they stand apart from their letters

/** @type {Wanted} */
export const EVERYTHING = { patient: null, modality: null, kind: null, finding: null, words: "", sort: "best" };

/**
 * The cards with what is asked of them again and again.
 * @param {Card[]} cards
 * @returns {Entry[]}
 */
export function entries(cards) {
  return cards.map((card) => ({
    card,
    words: plain(wordsOf(card)),
    found: new Map(card.badges.map(ruleAndCount)),
    severity: SEVERITIES.indexOf(card.severity),
  }));
}

/**
 * The entries to show, in their order.
 * @param {Entry[]} all
 * @param {Wanted} wanted
 */
export function shown(all, wanted) {
  const words = plain(wanted.words).split(/\s+/).filter(Boolean);
  const left = all.filter(({ card, words: text, found }) =>
    FIELDS.every((field) => wanted[field] === null || wanted[field] === card[field])
    && isFound(found, wanted.finding) && words.every((word) => text.includes(word)));
  return sorted(left, wanted.sort);
}

/**
 * Each value of a field, and how many cards have it.
 * @param {Entry[]} all
 * @param {Field} field
 */
export function counts(all, field) {
  return inOrder(counted(all.map(({ card }) => card[field])));
}

/**
 * Each rule, and how many cards it found something in.
 * @param {Entry[]} all
 */
export function ruleCounts(all) {
  return inOrder(counted(all.flatMap(({ found }) => [...found.keys()])));
}

/**
 * What is asked for, as it stands after the # of an address; empty where that is everything.
 * @param {Wanted} wanted
 */
export function hashOf(wanted) {
  const given = Object.entries(wanted).filter(([name, value]) => value !== EVERYTHING[/** @type {keyof Wanted} */ (name)]);
  return new URLSearchParams(/** @type {[string, string][]} */ (given)).toString();
}

/**
 * What the part of an address after the # asks for.
 * @param {string} hash
 * @returns {Wanted}
 */
export function wantedFrom(hash) {
  const given = new URLSearchParams(hash);
  const read = Object.fromEntries(Object.entries(EVERYTHING).map(([name, any]) => [name, given.get(name) ?? any]));
  if (!Object.hasOwn(SORTS, read.sort ?? "")) read.sort = EVERYTHING.sort;
  return /** @type {Wanted} */ (read);
}

/**
 * The card that a key leads to from another; -1 where the key is none of these.
 * @param {string} key
 * @param {number} at
 * @param {number} count of cards
 * @param {number} columns
 */
export function neighbour(key, at, count, columns) {
  const last = count - 1;
  switch (key) {
    case "ArrowLeft": return Math.max(at - 1, 0);
    case "ArrowRight": return Math.min(at + 1, last);
    case "ArrowUp": return at < columns ? at : at - columns;
    case "ArrowDown": return Math.floor(at / columns) === Math.floor(last / columns) ? at : Math.min(at + columns, last);
    case "Home": return 0;
    case "End": return last;
    default: return -1;
  }
}

/** @param {Card} card */
function wordsOf(card) {
  return [card.title, card.patient, card.modality, card.kind, card.series, card.spacing, card.size, card.why, card.severity,
    ...card.badges].join("\n");
}

/**
 * Text without case and accents.
 * @param {string} text
 */
function plain(text) {
  return text.toLowerCase().normalize("NFKD").replace(MARKS, "");
}

/**
 * @param {string} badge
 * @returns {[string, number]}
 */
function ruleAndCount(badge) {
  const [, rule, count] = /** @type {RegExpExecArray} */ (BADGE.exec(badge.replace(/\s+/g, " ").trim()));
  return [rule, Number(count ?? 1)];
}

/**
 * @param {Map<string, number>} found
 * @param {string | null} finding
 */
function isFound(found, finding) {
  if (finding === null) return true;
  if (finding === ANY_FINDING) return found.size > 0;
  return finding === NO_FINDING ? found.size === 0 : found.has(finding);
}

/**
 * @param {Entry[]} left
 * @param {string} sort
 */
function sorted(left, sort) {
  const total = (/** @type {Entry} */ entry) => [...entry.found.values()].reduce((sum, count) => sum + count, 0);
  switch (sort) {
    case "patient": {
      const rank = new Map(counts(left, "patient").map(([patient], number) => [patient, number]));
      return left.sort((a, b) => Number(rank.get(a.card.patient)) - Number(rank.get(b.card.patient)));
    }
    case "images": return left.sort((a, b) => b.card.images - a.card.images);
    case "findings": return left.sort((a, b) => a.severity - b.severity || total(b) - total(a));
    default: return left; // the best stands first in the table of stacks
  }
}

/**
 * @param {string[]} values
 * @returns {Map<string, number>}
 */
function counted(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/**
 * As people read them: 2 before 10.
 * @param {Map<string, number>} counts
 */
function inOrder(counts) {
  const natural = new Intl.Collator("en", { numeric: true });
  return [...counts].sort(([a], [b]) => natural.compare(a, b));
}
