// JSON as a tree whose branches open and close.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { getChoice, setChoice } from "./state.js";
import { t } from "./texts.js";

const OPEN_DEPTH = 3;
const MAX_OPEN_ITEMS = 24;

/** Return a JSON value as a tree. `key` distinguishes its open branches from those of other trees. */
export function renderTree(key, value, name) {
  return h("ul.tree.mono", renderNode(key, name, value, 0));
}

/** Return what identifies a closed branch: its type, or the number of its entries. */
const getHint = (value) => (typeof value.Type === "string" ? value.Type : Object.keys(value).length);

function renderNode(path, name, value, depth) {
  const label = name !== undefined && h("span.tree-key", String(name));
  if (value === null || typeof value !== "object") {
    const type = value === null ? "null" : typeof value;
    return h(
      "li",
      { key: String(name) },
      label,
      h("span", { class: `tree-value ${type}` }, type === "string" ? JSON.stringify(value) : String(value)),
    );
  }
  const entries = Object.entries(value);
  const brackets = Array.isArray(value) ? "[]" : "{}";
  if (!entries.length) return h("li", { key: String(name) }, label, h("span.muted", brackets));
  const open = getChoice(`tree ${path}`, depth < OPEN_DEPTH && entries.length <= MAX_OPEN_ITEMS);
  return h(
    "li",
    { key: String(name) },
    h(
      "button.tree-branch",
      { "aria-expanded": String(open), onclick: () => setChoice(`tree ${path}`, !open) },
      icon("chevron"),
      label || h("span.tree-key", t("tree.root")),
      h("span.muted", open ? brackets[0] : `${brackets[0]} ${getHint(value)} ${brackets[1]}`),
    ),
    open &&
      h(
        "ul",
        entries.map(([child, item]) => renderNode(`${path}.${child}`, child, item, depth + 1)),
      ),
  );
}
