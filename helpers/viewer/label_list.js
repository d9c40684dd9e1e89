// @ts-check
// The list of labels beside a picture, with a switch for each, and ways to the slices that have one.

import { labelled, make, makeButton, makeRow, showPercent } from "./controls.js";
import { shownLabels } from "./labels.js";

const WORDS_OF_VOLUME = ["largest", "slice with the largest cross-section", "Largest cross-section"];
const WORDS_OF_IMAGES = ["first", "first image that has it", "First image"];

/** @typedef {Shared<LabelState> & {labels?: Labels | null}} Labelled */
/** @typedef {{plane(): string, index(): number, way(): number, setIndex(index: number): void, draw(): void}} LabelHost */

// `host` is {plane, index, way, setIndex, draw}: what is shown, by how much the index changes as readers go on, and what
// changes it.
/** @param {Element} root @param {Labelled} source @param {LabelHost} host */
export function labelList(root, source, host) {
  if (!source.labels) return null;
  const { items, remark } = source.labels, isVolume = source.get("label_fill") !== undefined;
  const change = (/** @type {Partial<LabelState>} */ values) => {
    for (const name of /** @type {(keyof LabelState)[]} */ (Object.keys(values))) source.set(name, values[name]);
    source.save();
    host.draw();
  };
  const hide = (/** @type {number[]} */ hidden_labels) => change({ hidden_labels });
  const box = make("details", { className: "dv-labels", open: true }, root);
  const title = make("summary", { textContent: "Labels" }, box), row = makeRow(box);
  const showSteps = stepButtons(row, items, source, host);
  const fill = isVolume ? fillSlider(row, (label_fill) => change({ label_fill })) : null;
  const all = makeButton(row, "All or none");
  all.onclick = () => hide(source.get("hidden_labels").length ? [] : items.map((item) => item.value));
  const list = make("div", { className: "dv-label-list" }, box);
  const switches = items.map((item) => {
    const line = makeRow(list), shown = labelSwitch(line, item);
    shown.onchange = () => hide(switched(source.get("hidden_labels"), item.value, shown.checked));
    wayButton(line, item, isVolume ? WORDS_OF_VOLUME : WORDS_OF_IMAGES, host);
    return shown;
  });
  if (remark) make("p", { textContent: remark, className: "dv-note" }, box);

  function show() {
    const hidden = source.get("hidden_labels");
    switches.forEach((shown, number) => { shown.checked = !hidden.includes(items[number].value); });
    if (fill) showPercent(fill, source.get("label_fill") || 0);
    title.textContent = `Labels: ${items.length - hidden.length} of ${items.length} shown`;
    showSteps();
  }
  return { show };
}

/** @param {number[]} hidden @param {number} value @param {boolean} isShown */
const switched = (hidden, value, isShown) => isShown ? hidden.filter((one) => one !== value) : [...hidden, value];

/** @param {Element} row @param {(share: number) => void} setFill */
function fillSlider(row, setFill) {
  const title = "Opacity of the areas; 0 for outlines alone";
  const fill = labelled(row, "Areas", "input", { type: "range", min: 0, max: 100, step: 5, title });
  fill.style.width = "7em";
  fill.oninput = () => setFill(Number(fill.value) / 100);
  return fill;
}

/** @param {Element} line @param {LabelItem} item */
function labelSwitch(line, item) {
  const label = make("label", {}, line), shown = make("input", { type: "checkbox", ariaLabel: item.name }, label);
  make("span", { className: "dv-chip" }, label).style.background = item.colour;
  make("span", { textContent: item.text, title: item.about }, label);
  return shown;
}

// To the slice with the largest cross-section, or to the first image that has the label.
/** @param {Element} line @param {LabelItem} item @param {string[]} words @param {LabelHost} host */
function wayButton(line, item, [text, where, spoken], host) {
  const button = makeButton(line, text, { title: `To the ${where}`, ariaLabel: `${spoken} of ${item.name}` });
  button.onclick = () => {
    const counts = item.counts[host.plane()];
    host.setIndex(counts.indexOf(Math.max(...counts)));
  };
}

// To the slices before and behind that have a label; returns what shows whether there is one.
/** @param {Element} row @param {LabelItem[]} items @param {Labelled} source @param {LabelHost} host */
function stepButtons(row, items, source, host) {
  const nearest = (/** @type {number} */ way) => {
    const counts = shownLabels(items, source).map((item) => item.counts[host.plane()]), length = counts[0]?.length || 0;
    const step = way * host.way();
    for (let index = host.index() + step; index >= 0 && index < length; index += step) {
      if (counts.some((one) => one[index])) return index;
    }
    return null;
  };
  const stepper = (/** @type {string} */ text, /** @type {string} */ which, /** @type {number} */ way) => {
    const button = makeButton(row, text, { title: `To the ${which} that has a label that is shown` });
    button.onclick = () => { const index = nearest(way); if (index !== null) host.setIndex(index); };
    return () => { button.disabled = nearest(way) === null; };
  };
  const shows = [stepper("◂ labelled", "one before", -1), stepper("labelled ▸", "next one", 1)];
  return () => shows.forEach((show) => show());
}
