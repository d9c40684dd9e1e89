// @ts-check
// Pages that this page holds itself, where a report is one file: each opens in a frame of its own, that reaches nothing
// outside. What it says of links is checked: only a page that is held here is opened.

const IN_DOCUMENT = /^#([\w-]+)(?:[/#](.*))?$/; // a document, and a place in it
const LINK = /(?:^|\/)([\w-]+)\.html(#[\w%=.-]*)?$/; // as pages link to each other where they are files
const NUMBER = /^\d+$/; // of a stack
const BESIDE = '<script src="viewer.js"><\/script>'; // the script of all viewers, which is held here once

// A frame may have no size yet when its document is there: it goes to its place once it is drawn.
const BEGIN_AT = `((place) => {
  location.hash = place;
  addEventListener("load", () => requestAnimationFrame(() => document.getElementById(place)?.scrollIntoView()));
})`;

// Relative addresses in such a frame are those of this page, so that links are followed here.
const FOLLOW_LINKS = `<script>
addEventListener("click", (event) => {
  const href = event.target.closest?.("a[href]")?.getAttribute("href") ?? "";
  if (!href.startsWith("#") && !href.endsWith(".html") && !href.includes(".html#")) return;
  event.preventDefault();
  if (href.startsWith("#")) location.hash = href;
  else parent.postMessage({ open: href }, "*");
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) parent.postMessage({ open: "index.html" }, "*");
});
<\/script>`;

/**
 * Follows what a document's links ask for.
 * @param {(hash: string) => void} go to what stands after the # of the address; empty for the collection
 */
export function wireDocuments(go) {
  const dialog = document.querySelector("dialog");
  if (!dialog) return;
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    go("");
  });
  dialog.querySelector("form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    go("");
  });
  addEventListener("message", ({ source, data }) => {
    const frame = dialog.querySelector("iframe");
    if (!frame || source !== frame.contentWindow || typeof data?.open !== "string") return;
    const [, name, place = ""] = LINK.exec(data.open) ?? [];
    if (name === "index") go("");
    else if (held(nameOf(name))) go(`#${nameOf(name)}${place}`);
  });
}

/**
 * Opens the document that an address names; false, and none is open, where it names none.
 * @param {string} hash
 */
export function openDocument(hash) {
  const dialog = document.querySelector("dialog");
  const [, name, place = ""] = IN_DOCUMENT.exec(hash) ?? [];
  const text = held(name);
  dialog?.querySelector("iframe")?.remove();
  if (!dialog || text === null) {
    dialog?.close();
    return false;
  }
  const frame = document.createElement("iframe");
  frame.title = name;
  frame.setAttribute("sandbox", "allow-scripts");
  frame.srcdoc = withScript(text, place);
  dialog.append(frame);
  if (!dialog.open) dialog.showModal();
  return true;
}

/** @param {string} name as a file: 0017 is a stack */
function nameOf(name) {
  return NUMBER.test(name ?? "") ? `stack-${Number(name)}` : name;
}

/**
 * The text of a document; null where it is not in this page.
 * @param {string | undefined} name
 * @returns {string | null}
 */
function held(name) {
  const script = name ? document.getElementById(`document-${name}`) : null;
  return script ? JSON.parse(script.textContent ?? "") : null;
}

/**
 * A document that begins at a place, and whose links lead here.
 * @param {string} text
 * @param {string} place
 */
function withScript(text, place) {
  const begin = place ? `<script>${BEGIN_AT}(${JSON.stringify(place).replaceAll("<", "\\u003c")});<\/script>` : "";
  const whole = text.replace(BESIDE, () => `<script>${held("viewer") ?? ""}<\/script>`);
  return whole.replace(/<head>|<head [^>]*>/i, (head) => `${head}${begin}${FOLLOW_LINKS}`);
}
