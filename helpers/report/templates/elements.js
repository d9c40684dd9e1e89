// @ts-check
// What the page is made of. Values of headers reach it as text only, through textContent, value and alt.

import { SEVERITIES } from "./filters.js";

export const PLACES = /^(stacks\/\d+\.html|#stack-\d+)([#/]index=\d+)?$/; // where a card or finding may lead

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} [within]
 * @returns {T}
 */
export function the(selector, kind, within = document) {
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
export function make(kind, className, ...content) {
  const element = document.createElement(kind);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

/**
 * A shape and a word: no colour alone says how bad it is.
 * @param {string} severity
 */
export function severityMark(severity) {
  return make("span", `severity ${SEVERITIES.includes(severity) ? severity : ""}`, severity);
}
