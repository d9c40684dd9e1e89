// @ts-check
// Letters and words on a canvas. Header values reach it as text only, through fillText. What draws says where: in boxes,
// CSS pixels, of which others can keep clear.

export const LETTER_COLOUR = "#ffd92f";
const BADGE_COLOUR = "#d55e00";
const LETTER_ROOM = 44; // CSS pixels from the middle that belong to the letters above, and the margins of a badge
const BAR_LENGTHS = [1000, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1]; // mm or px

/** @typedef {CanvasRenderingContext2D} Pen */

/**
 * @param {Pen} pen @param {string} text @param {number} x @param {number} y
 * @param {CanvasTextAlign} align @param {CanvasTextBaseline} baseline @param {number} size @returns {Box}
 */
export function write(pen, text, x, y, align, baseline, size, colour = "#fff", bold = false) {
  setFont(pen, size, bold);
  Object.assign(pen, { textAlign: align, textBaseline: baseline, fillStyle: colour });
  Object.assign(pen, { lineWidth: 3, strokeStyle: "#000", lineJoin: "round" });
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
  const wide = pen.measureText(text).width, left = x - wide * ({ right: 1, center: 0.5 }[/** @type {string} */ (align)] || 0);
  const top = y - size * ({ bottom: 1, middle: 0.5 }[/** @type {string} */ (baseline)] || 0);
  return { low: [left, top], high: [left + wide, top + size] };
}

/** @param {Pen} pen @param {number} size */
export function setFont(pen, size, bold = false) {
  pen.font = `${bold ? "bold " : ""}${size}px system-ui, sans-serif`;
}

/** @param {number} size  of the letters */
export const lineHeight = (size) => size * 1.35;

// Lines of words, one below the other.
/** @param {Pen} pen @param {string[]} lines @param {number} x @param {number} y @param {CanvasTextAlign} align @param {number} size */
export function writeLines(pen, lines, x, y, align, size) {
  return lines.map((text, number) => write(pen, text, x, y + number * lineHeight(size), align, "top", size));
}

// Lines of words that are as wide at most; a word that is longer is cut off.
/** @param {Pen} pen @param {string} text @param {number} size @param {number} widest @returns {string[]} */
export function wrapped(pen, text, size, widest) {
  setFont(pen, size);
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= widest) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => clipped(pen, line, size, widest));
}

// A text cut off at a width, which is said by its end.
/** @param {Pen} pen @param {string} text @param {number} size @param {number} widest */
export function clipped(pen, text, size, widest) {
  setFont(pen, size);
  let kept = text;
  while (kept.length > 1 && pen.measureText(kept === text ? text : `${kept}…`).width > widest) kept = kept.slice(0, -1);
  return kept === text ? text : `${kept}…`;
}

// Letters at the edges of a box of the canvas.
/** @param {Pen} pen @param {string[]} letters @param {Box} box @param {number} size */
export function drawLetters(pen, [left, right, top, bottom], { low, high }, size) {
  const middle = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  return [
    write(pen, left, low[0] + 6, middle[1], "left", "middle", size, LETTER_COLOUR, true),
    write(pen, right, high[0] - 6, middle[1], "right", "middle", size, LETTER_COLOUR, true),
    write(pen, top, middle[0], low[1] + 6, "center", "top", size, LETTER_COLOUR, true),
    write(pen, bottom, middle[0], high[1] - 6, "center", "bottom", size, LETTER_COLOUR, true),
  ];
}

// Words at the foot of a picture, on both sides of the letter there: the window on the left, with the scale bar `bar`
// ({scale: CSS pixels for each unit, unit}) above it, remarks on the right.
/**
 * @param {Pen} pen @param {string} left @param {string[]} remarks @param {{scale: number, unit: string}} bar
 * @param {Size} canvas @param {number} size
 */
export function drawFoot(pen, left, remarks, bar, { width, height }, size) {
  const line = lineHeight(size), widest = width / 2 - 6 - 1.5 * size;
  /** @param {string[]} lines @param {number} x @param {CanvasTextAlign} align */
  const writeUp = (lines, x, align) => lines.map((text, number) =>
    write(pen, text, x, height - 6 - (lines.length - 1 - number) * line, align, "bottom", size));
  const lines = wrapped(pen, left, size, widest);
  return [
    ...writeUp(lines, 6, "left"),
    ...writeUp(remarks.flatMap((text) => wrapped(pen, text, size, widest)), width - 6, "right"),
    ...drawBar(pen, bar, width, height - 6 - line * (lines.length + 0.3), size),
  ];
}

// A scale bar of a round length.
/** @param {Pen} pen @param {{scale: number, unit: string}} bar @param {number} width @param {number} y @param {number} size @returns {Box[]} */
function drawBar(pen, { scale, unit }, width, y, size) {
  const length = BAR_LENGTHS.find((one) => one * scale <= 0.3 * width);
  if (!length) return [];
  Object.assign(pen, { fillStyle: "#fff", strokeStyle: "#000", lineWidth: 1 });
  pen.fillRect(6, y, length * scale, 3);
  pen.strokeRect(6, y, length * scale, 3);
  return [{ low: [6, y], high: [6 + length * scale, y + 3] }, write(pen, `${length} ${unit}`, 6, y - 3, "left", "bottom", size)];
}

// What a picture warns of, in its upper right corner.
/** @param {Pen} pen @param {string} badge @param {number} width @param {number} size @returns {Box[]} */
export function drawBadge(pen, badge, width, size) {
  if (!badge) return [];
  const line = lineHeight(size), lines = badge.split(", ").flatMap((text) => wrapped(pen, text, size, width / 2 - LETTER_ROOM));
  const wide = Math.max(...lines.map((text) => pen.measureText(text).width)) + 12, left = width - wide - 6, tall = line * lines.length + 6;
  pen.fillStyle = BADGE_COLOUR;
  pen.fillRect(left, 6, wide, tall);
  Object.assign(pen, { textAlign: "left", textBaseline: "top", fillStyle: "#fff" });
  lines.forEach((text, number) => pen.fillText(text, left + 6, 10 + number * line));
  return [{ low: [left, 6], high: [left + wide, 6 + tall] }];
}
