// The list of tasks: filter, search, rows, and the next page when its end is in sight.

import { call, run } from "./api.js";
import { h, memo } from "./dom.js";
import { age, number } from "./format.js";
import { icon, statusIcon } from "./icons.js";
import { renderLabel, renderSegments } from "./parts.js";
import { go, state, update } from "./state.js";
import { language, t } from "./texts.js";

const SEARCH_MS = 150;
const cache = new Map();
let searchTimer = 0;
let generation = 0;

/** Return the status of a row: the name of an icon and of a text. */
export function getStatus(row) {
  if (row.dead_letter) return "dead";
  if (row.retrying) return "retrying";
  if (row.status === "PROCESSING" || (row.status === "FINISH" && row.callbacks.running)) return "running";
  if (row.status === "WAITING" || row.queued) return "waiting";
  if (!row.failed) return "done";
  const { subtasks, callbacks } = row;
  if (subtasks.total) return subtasks.failed === subtasks.total ? "failed" : "partly";
  return callbacks.failed && callbacks.done ? "partly" : "failed";
}

/** Load the first page of the list, or the next one. */
export async function loadRows(next = false) {
  if (next && (!state.before || state.listLoading)) return;
  const current = ++generation;
  const query = new URLSearchParams();
  if (state.route.query.get("failed")) query.set("failed", "1");
  if (state.route.query.get("q")) query.set("q", state.route.query.get("q"));
  if (next) query.set("before", state.before);
  update({ listLoading: true });
  const page = await run(() => call("GET", `/api/tasks?${query}`));
  if (current !== generation) return;
  if (!page) return update({ listLoading: false });
  const rows = next
    ? [...state.rows, ...page.tasks.filter((row) => !state.rows.some(({ id }) => id === row.id))]
    : page.tasks;
  update({ rows, before: page.before, listLoading: false });
}

/** Replace or insert the row of an event. */
export function placeRow(row) {
  const index = state.rows.findIndex(({ id }) => id === row.id);
  const rows = [...state.rows];
  if (index >= 0) rows[index] = row;
  else if (matches(row)) {
    const place = rows.findIndex(({ created }) => created <= row.created);
    if (place >= 0) rows.splice(place, 0, row);
    else if (!state.before) rows.push(row);
  }
  update({ rows });
}

function matches(row) {
  const text = (state.route.query.get("q") || "").toLowerCase();
  if (state.route.query.get("failed") && !row.failed && !row.dead_letter) return false;
  return (
    !text || [row.id, row.name, row.source, row.session_id].some((value) => (value || "").toLowerCase().includes(text))
  );
}

function search(text) {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => go({ query: { q: text } }, true), SEARCH_MS);
}

/** Select the task `step` rows below the open one. */
export function moveSelection(step) {
  const index = state.rows.findIndex(({ id }) => id === state.route.id);
  const row = state.rows[Math.min(state.rows.length - 1, Math.max(0, index + step))];
  if (!row || row.id === state.route.id) return;
  go({ id: row.id }, true);
  document.querySelector(`[data-task="${CSS.escape(row.id)}"]`)?.scrollIntoView({ block: "nearest" });
}

/** Return the list. */
export function renderList() {
  const failed = Boolean(state.route.query.get("failed"));
  const filtered = failed || Boolean(state.route.query.get("q"));
  return [
    h(
      "div.list-head",
      h(
        "div.search",
        icon("search"),
        h("input", {
          id: "search",
          type: "search",
          "aria-label": t("list.search"),
          placeholder: t("list.search"),
          autocomplete: "off",
          spellcheck: "false",
          mount: (input) => (input.value = state.route.query.get("q") || ""),
          oninput: (event) => search(event.target.value),
        }),
        h("kbd", { "aria-hidden": "true" }, "/"),
      ),
      renderSegments(
        t("list.filter"),
        ["all", "failed"],
        failed ? "failed" : "all",
        (name) => go({ query: { failed: name === "failed" ? "1" : "" } }),
        "list",
      ),
    ),
    h(
      "ul.rows",
      { "aria-label": t("list.tasks"), "aria-busy": String(state.listLoading), onscroll: loadNear },
      state.uploads.map(renderUpload),
      state.rows.map(renderRow),
      !state.rows.length &&
        !state.listLoading &&
        h("li.hint", { key: "none" }, filtered ? t("list.nothing") : t("list.empty")),
      state.before && h("li.hint", { key: "more" }, t("list.loading")),
    ),
  ];
}

function loadNear({ target }) {
  if (target.scrollHeight - target.scrollTop - target.clientHeight < 800) loadRows(true);
}

function renderUpload(upload) {
  return h(
    "li",
    { key: `upload ${upload.id}`, class: "row upload" },
    h("span.poster", icon("upload")),
    h(
      "span.row-text",
      h("span.row-name", upload.name),
      h("progress", { value: upload.progress, max: "1", "aria-label": t("list.uploading", { name: upload.name }) }),
    ),
  );
}

function renderRow(row) {
  const selected = row.id === state.route.id;
  const time = age(row.created, state.now);
  return memo(cache, row.id, [row, selected, time, state.route.tab, language.code], () => {
    const status = getStatus(row);
    const { done, failed } = row.callbacks;
    const total = done + failed;
    return h(
      "li.row-item",
      { key: row.id },
      h(
        "a",
        {
          class: `row${selected ? " selected" : ""}`,
          href: `#/tasks/${encodeURIComponent(row.id)}/${state.route.tab}`,
          "aria-current": selected ? "true" : null,
          title: row.name || row.id,
          "data-task": row.id,
          onclick: (event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            update({ drawer: false });
            go({ id: row.id });
          },
        },
        h(
          "span.poster",
          row.poster ? h("img", { src: row.poster, alt: "", loading: "lazy", width: 64, height: 40 }) : icon("file"),
          statusIcon(status),
        ),
        h(
          "span.row-text",
          h("span.row-name", row.name || row.event_type),
          h(
            "span.row-facts",
            renderLabel(
              status,
              t(`status.${status}`),
              status === "running" && row.progress < 1 && ` ${number(row.progress * 100)} %`,
            ),
            total > 0 &&
              h(
                "span",
                { class: failed ? "bad" : "" },
                t(failed ? "list.callbacks_failed" : "list.callbacks", { done, failed, total }),
              ),
          ),
        ),
        h("time.row-age", { datetime: new Date(row.created * 1000).toISOString() }, time),
      ),
    );
  });
}
