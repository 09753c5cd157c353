// Fragments of several views.

import { run } from "./api.js";
import { h } from "./dom.js";
import { icon, statusIcon } from "./icons.js";
import { t } from "./texts.js";

/** Return facts in a line, with dots between them. */
export const renderFacts = (facts) =>
  h(
    "p.facts",
    [...new Set(facts.filter(Boolean))].map((fact) => h("span", { key: fact }, fact)),
  );

/** Return an icon and a text in the colour of a status. */
export const renderLabel = (status, ...text) => h("span", { class: `label ${status}` }, statusIcon(status), text);

export const renderNotice = (status, text) =>
  h(
    "div",
    { key: text, class: `notice ${status}`, role: status === "failed" ? "alert" : null },
    statusIcon(status),
    h("p", text),
  );

/** Return a button of an icon whose text is its label. */
export const renderIconButton = (name, label, onclick, props = {}) =>
  h("button.quiet.icon-only", { title: label, "aria-label": label, onclick, ...props }, icon(name));

/** Return a choice between names, whose texts are `prefix.name`. */
export function renderSegments(label, names, current, choose, prefix) {
  return h(
    "div.segments",
    { role: "group", "aria-label": label },
    names.map((name) =>
      h(
        "button",
        { key: name, type: "button", "aria-pressed": String(name === current), onclick: () => choose(name) },
        t(`${prefix}.${name}`),
      ),
    ),
  );
}

/** Return names and values. */
export function renderPairs(pairs) {
  return h(
    "dl.meta",
    pairs.map(
      ([name, value]) =>
        value != null &&
        value !== "" &&
        h(
          "div",
          { key: name },
          h("dt", name),
          h("dd.mono", typeof value === "object" ? JSON.stringify(value) : String(value)),
        ),
    ),
  );
}

/** Copy a text, and say so. */
export function copy(text) {
  return run(async () => {
    // Only secure origins have a clipboard. Those of this machine are secure.
    if (!navigator.clipboard) throw new Error(t("error.clipboard"));
    await navigator.clipboard.writeText(text);
  }, t("copied"));
}

/** Return a button that copies a text. */
export const renderCopy = (text, label) => renderIconButton("copy", label, () => copy(text), { class: "small" });

/** Return an address with a button that copies it. Its end stays visible. */
export const renderAddress = (address, label) =>
  h("p.copyable.mono", h("span.clip.end", { title: address }, h("bdi", address)), renderCopy(address, label));
