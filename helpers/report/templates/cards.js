// @ts-check
// One stack as a card.

import { PLACES, make, severityMark } from "./elements.js";

/** @typedef {import("./filters.js").Card} Card */

/** @param {Card} card */
export function cardItem(card) {
  const item = make("li", "card", pictureOf(card), titleOf(card), make("p", "", card.patient || "no patient"));
  const kind = [card.modality, card.kind].filter(Boolean).join(" ");
  item.append(make("p", "", [kind, imagesOf(card), card.spacing].filter(Boolean).join(" · ")));
  item.append(make("p", "", [card.size, card.series && `series ${card.series}`, pageOf(card)].filter(Boolean).join(" · ")));
  if (card.badges.length) item.append(badgesOf(card));
  item.id = `card-${card.id}`; // not the name in the address: the browser would go there itself, and take the focus away
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
  if (card.alive) return "viewer";
  return card.images === 1 ? "picture" : "contact sheet";
}

/** @param {Card} card */
function badgesOf(card) {
  const badges = make("p", "badges", severityMark(card.severity));
  badges.append(...card.badges.map((badge) => make("span", "badge", badge)));
  return badges;
}
