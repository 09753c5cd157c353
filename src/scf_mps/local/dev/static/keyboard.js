// Keyboard shortcuts of the page. They rest while a text is edited and while a dialog is open.

import { redeliver } from "./actions.js";
import { openEditor } from "./event.js";
import { moveSelection } from "./list.js";
import { go, state, TABS, update } from "./state.js";
import { openDialog, submitSample, togglePause } from "./top.js";

const KEYS = {
  j: () => moveSelection(1),
  k: () => moveSelection(-1),
  Enter: () => document.getElementById("panel")?.focus(),
  "/": () => {
    update({ drawer: true });
    document.body.classList.add("drawer"); // now, because the next key belongs to the field
    document.getElementById("search").select();
  },
  r: () => state.detail?.event && redeliver(),
  e: () => openEditor(state.detail?.event),
  u: () => document.getElementById("file").click(),
  s: submitSample,
  p: () => state.server && togglePause(),
  f: () => state.server && openDialog("faults"),
  "?": () => openDialog("help"),
  Escape: () => update({ drawer: false }),
};
TABS.forEach((tab, index) => {
  KEYS[String(index + 1)] = () => (state.route.id || tab === "cos") && go({ tab });
});

/** Act on a key. */
export function handleKey(event) {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || state.dialog) return;
  const edited = target.closest("input:not([type=checkbox], [type=range]), textarea, select");
  if (edited) {
    if (event.key === "Escape") target.blur();
    return;
  }
  // Controls keep the keys that work on them.
  if (event.key === "Enter" && target.closest("button, a, video, audio")) return;
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}
