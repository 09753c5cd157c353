// Icons on a grid of 16 pixels. Statuses differ in shape as well as in colour.

import { h } from "./dom.js";

const STROKES = {
  add: "M8 3v10M3 8h10",
  back: "M9.5 3.5 5 8l4.5 4.5",
  broken: "M8 2.5 14 13H2ZM8 6.5v3M8 11.3v.2",
  chevron: "M6 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  code: "M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5",
  copy: "M6 6h7.5v7.5H6zM10 3.5V2.5H2.5V10h1",
  download: "M8 2.5v8M4.5 7.5 8 11l3.5-3.5M3 13.5h10",
  edit: "M3 13l.6-2.7L10.8 3 13 5.2 5.7 12.4Z",
  faults: "M8.8 1.8 3.5 9H8l-.8 5.2L12.5 7H8z",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  folder: "M2 4h4l1.5 1.5H14V13H2z",
  globe: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M2 8h12M8 2c-4.2 4-4.2 8 0 12M8 2c4.2 4 4.2 8 0 12",
  help: "M5.8 6a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.6M8 11.8v.2M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8",
  list: "M2.5 4h11M2.5 8h11M2.5 12h11",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2v9.6L12.5 8z",
  plug: "M5.5 2v3M10.5 2v3M3.5 5h9v2.5a4.5 4.5 0 0 1-9 0zM8 12v2.5",
  redeliver: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5 14 14",
  send: "M14 2 7 9M14 2 9.5 14 7 9 2 6.5z",
  stop: "M4 4h8v8H4z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3",
  upload: "M8 11V3M4.5 6 8 2.5 11.5 6M3 13.5h10",
};

// Shapes of statuses: [filled outline or "", stroke inside].
const STATUSES = {
  done: ["M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M5 8.2l2.1 2.1L11 6"],
  failed: ["M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z", "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"],
  partly: ["M8 1.2 15 14H1z", "M8 5.6v4M8 11.6v.2"],
  dead: ["M1.5 3h13v10h-13z", "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"],
  lost: ["M8 1 15 8 8 15 1 8z", "M8 4.6v4M8 10.8v.2"],
  skipped: ["", "M3 8h8M8 4.5 11.5 8 8 11.5M14 4v8"],
  dropped: ["", "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M4.2 4.2l7.6 7.6"],
  deferred: ["", "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2 1.3"],
  retrying: ["", "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3"],
  waiting: ["", "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11"],
  running: ["", "M8 2.5A5.5 5.5 0 0 1 13.5 8"],
};

/** Return an icon that is hidden from screen readers. */
export function icon(name) {
  return h("svg.icon", { viewBox: "0 0 16 16", "aria-hidden": "true" }, h("path", { d: STROKES[name] }));
}

/** Return the icon of a status. The text of the status stands next to it, or is given as `label`. */
export function statusIcon(status, label) {
  const [shape, mark] = STATUSES[status];
  const access = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return h(
    "svg",
    { class: `icon status ${status}`, viewBox: "0 0 16 16", ...access },
    status === "running" && h("path.track", { d: STATUSES.waiting[1] }),
    shape && h("path.shape", { d: shape }),
    h("path.mark", { d: mark }),
  );
}
