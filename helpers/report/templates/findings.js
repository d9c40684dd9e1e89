// @ts-check
// The list of findings: a line a rule, which opens on what was found and where; each leads to its slice.

import { PLACES, make, severityMark, the } from "./elements.js";
import { SEVERITIES } from "./filters.js";

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

/**
 * The cards beside the list: in how many a rule found something, and how to show them alone.
 * @typedef {{stacksOf: (rule: string) => number, showOnly: (rule: string) => void}} Beside
 */

const FIRST_FINDINGS = 20; // of a rule; a button shows the others
const WORDS = /** @type {const} */ (["effect", "remedy", "clause"]); // often the same for all of a rule

/**
 * Fills the list; returns what writes all that is not written yet.
 * @param {HTMLDetailsElement} place
 * @param {Finding[]} findings
 * @param {number} more that are not among them
 * @param {Beside} beside
 */
export function listFindings(place, findings, more, beside) {
  const groups = byRule(findings);
  const details = groups.map((group) => ruleDetails(group, beside));
  place.append(...details);
  if (!findings.length) place.append(make("p", "", "No rule found anything in the headers."));
  if (more) place.append(make("p", "", `${more} further findings are not listed here; the page on quality has them.`));
  the("h2", HTMLElement, place).append(` (${findings.length + more})`);
  return () => groups.forEach((group, number) => fillRule(details[number], group, group.length, beside));
}

/**
 * The findings of each rule, the worst first.
 * @param {Finding[]} findings
 */
function byRule(findings) {
  /** @type {Map<string, Finding[]>} */
  const groups = new Map();
  for (const finding of findings) {
    const name = `${finding.severity} ${finding.rule}`;
    const group = groups.get(name);
    if (group) group.push(finding);
    else groups.set(name, [finding]);
  }
  const rank = (/** @type {Finding[]} */ [first]) => SEVERITIES.indexOf(first.severity);
  return [...groups.values()].sort((a, b) => rank(a) - rank(b) || b.length - a.length);
}

/**
 * @param {Finding[]} group
 * @param {Beside} beside
 */
function ruleDetails(group, beside) {
  const { rule, severity } = group[0];
  const details = make("details", "", make("summary", "", severityMark(severity), make("span", "rule", rule),
    make("span", "number", `${group.length}`)));
  details.addEventListener("toggle", () => {
    if (!details.querySelector("ol")) fillRule(details, group, FIRST_FINDINGS, beside);
  });
  return details;
}

/**
 * What the rule says of all, and its first findings; made when they are looked at.
 * @param {HTMLDetailsElement} details
 * @param {Finding[]} group
 * @param {number} first
 * @param {Beside} beside
 */
function fillRule(details, group, first, beside) {
  const common = WORDS.filter((part) => group.every((finding) => finding[part] === group[0][part]));
  const said = common.map((part) => group[0][part]).filter(Boolean).map((text) => make("p", "", text));
  const found = make("ol", "", ...group.slice(0, first).map((finding) => findingItem(finding, common)));
  details.replaceChildren(the("summary", HTMLElement, details), ...said, ...onlyThese(group[0].rule, beside), found);
  if (group.length <= first) return;
  details.append(button(`Show the other ${group.length - first}`, () => {
    fillRule(details, group, group.length, beside);
    details.querySelectorAll("li")[first].querySelector("a")?.focus();
  }));
}

/**
 * @param {string} rule
 * @param {Beside} beside
 */
function onlyThese(rule, beside) {
  const count = beside.stacksOf(rule);
  if (!count) return [];
  return [button(count === 1 ? "Show only its stack" : `Show only its ${count} stacks`, () => beside.showOnly(rule))];
}

/**
 * @param {Finding} finding
 * @param {readonly string[]} common said of all already
 */
function findingItem(finding, common) {
  const item = make("li", "", whereOf(finding));
  if (finding.value) item.append(`: ${finding.value}`);
  item.append(...WORDS.filter((part) => finding[part] && !common.includes(part)).map((part) => make("p", "", finding[part])));
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

/**
 * @param {string} text
 * @param {() => void} onclick
 */
function button(text, onclick) {
  return Object.assign(make("button", "", text), { type: "button", onclick });
}
