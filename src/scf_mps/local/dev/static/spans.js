// The timeline of an attempt: its callbacks, requests, ledger calls and waits, as bars in the order of time.

import { h } from "./dom.js";
import { milliseconds } from "./format.js";
import { t } from "./texts.js";

/** Return the spans of an attempt. The first one is the invocation and has the full width. */
export function renderSpans({ number: index, spans }) {
  const total = Math.max(spans[0].ms, ...spans.map(({ start, ms }) => start + ms)) || 1;
  return h(
    "ol.spans",
    { tabindex: 0, "aria-label": t("spans.title", { n: index + 1 }) },
    spans.map((span, key) => renderSpan(span, key, total)),
  );
}

function renderSpan({ name, kind, depth, start, ms, error, attributes }, key, total) {
  const facts = Object.entries(attributes).map(([fact, value]) => `${fact}: ${value}`);
  return h(
    "li",
    { key, class: `span ${kind} ${error ? "failed" : ""}`, title: [error, ...facts].filter(Boolean).join("\n") },
    h(
      "span.span-name.mono.clip",
      { style: { "padding-left": `${depth * 12}px` } },
      name,
      h("span.muted", ` ${attributes.key || attributes.place || attributes.reason || ""}`),
    ),
    h("span.span-lane", h("span.span-bar", { style: { left: `${(100 * start) / total}%`, width: `${(100 * ms) / total}%` } })),
    h("span.muted.number.span-ms", milliseconds(ms)),
    error && h("span.visually-hidden", error),
  );
}
