// The open task: its header, actions and tabs.

import { act, redeliver } from "./actions.js";
import { call } from "./api.js";
import { h } from "./dom.js";
import { bitrate, clock, milliseconds, number, size } from "./format.js";
import { renderDeliveries } from "./deliveries.js";
import { renderEvent } from "./event.js";
import { icon } from "./icons.js";
import { getStatus } from "./list.js";
import { renderMessages } from "./messages.js";
import { renderObjects } from "./objects.js";
import { renderResults } from "./results.js";
import { renderCopy, renderFacts, renderLabel, renderNotice } from "./parts.js";
import { go, state, TABS, update } from "./state.js";
import { t } from "./texts.js";

const VIEWS = { results: renderResults, deliveries: renderDeliveries, event: renderEvent, messages: renderMessages };
const DEBOUNCE_MS = 60;
let timer = 0;
let generation = 0;

/** Load the open task again, soon. Events that arrive meanwhile cause one request. */
export function refreshTask() {
  clearTimeout(timer);
  timer = setTimeout(loadTask, DEBOUNCE_MS);
}

/** Load the open task. */
export async function loadTask() {
  clearTimeout(timer);
  const { id } = state.route;
  const current = ++generation;
  if (!id) return;
  try {
    const detail = await call("GET", `/api/tasks/${encodeURIComponent(id)}`);
    if (current === generation) update({ detail, detailError: "" });
  } catch (error) {
    if (current === generation) update({ detailError: error.message });
  }
}

/** Return the counts of the tabs. */
function countTabs(task) {
  return { results: task?.results?.length, deliveries: task?.deliveries?.length, messages: task?.messages?.length };
}

/** Move to the tab left or right, as in every list of tabs. */
function moveTab(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const tab = TABS[(TABS.indexOf(state.route.tab) + step + TABS.length) % TABS.length];
  go({ tab }, true);
  document.getElementById(`tab-${tab}`)?.focus();
}

/** Return the open task, or the COS browser without a task. */
export function renderTask() {
  const { id, tab } = state.route;
  if (!id && tab !== "cos") return null;
  const row = state.rows.find((item) => item.id === id);
  const task = state.detail?.id === id ? state.detail : null;
  const shown = task || row;
  return [
    id && shown && renderHeader(shown, task),
    id &&
      h(
        "div.tabs",
        { role: "tablist", "aria-label": t("task.views"), onkeydown: moveTab },
        TABS.map((name, index) => {
          const count = countTabs(task)[name];
          return h(
            "button",
            {
              key: name,
              id: `tab-${name}`,
              role: "tab",
              "aria-selected": String(name === tab),
              "aria-controls": "panel",
              tabindex: name === tab ? null : -1,
              title: `${t(`tab.${name}`)} (${index + 1})`,
              onclick: () => go({ tab: name }),
            },
            t(`tab.${name}`),
            count > 0 && h("span.count", number(count)),
          );
        }),
      ),
    h(
      "div",
      {
        key: `${id} ${tab}`,
        id: "panel",
        class: `panel ${tab}`,
        role: "tabpanel",
        tabindex: -1,
        "aria-label": t(`tab.${tab}`),
      },
      tab === "cos" ? renderObjects(task) : renderPanel(task, tab),
    ),
  ];
}

function renderPanel(task, tab) {
  if (state.detailError) return renderNotice("failed", state.detailError);
  if (!task)
    return h(
      "div.cards",
      { "aria-busy": "true" },
      [1, 2, 3].map((key) => h("div.card.ghost", { key })),
    );
  return VIEWS[tab](task);
}

function renderHeader(row, task) {
  const status = getStatus(row);
  const took = row.finished ? (row.finished - row.created) * 1000 : null;
  return h(
    "header.task-head",
    { key: row.id },
    h("span.poster.large", row.poster ? h("img", { src: row.poster, alt: "" }) : icon("file")),
    h(
      "div.task-title",
      h(
        "div.title-line",
        h("h1", { title: row.name }, row.name || row.event_type),
        renderLabel(status, t(`status.${status}`)),
        h("span.space"),
        renderActions(row, task),
      ),
      renderFacts([
        ...describeMetadata(task),
        clock(row.created),
        took > 0 && t("task.took", { time: milliseconds(took) }),
        row.session_id && t("task.session", { id: row.session_id }),
      ]),
      h(
        "p.facts.mono",
        row.source && h("span.copyable", h("span.clip", row.source), renderCopy(row.source, t("copy.source"))),
        h("span.copyable", h("span.clip", row.id), renderCopy(row.id, t("copy.id"))),
      ),
    ),
  );
}

/** Return the buttons of a task. */
function renderActions(row, task) {
  return h(
    "div.actions",
    row.status === "WAITING" &&
      h("button", { key: "abort", onclick: () => act("abort", t("task.aborted")) }, icon("stop"), t("task.abort")),
    row.source &&
      h(
        "button",
        { key: "again", onclick: () => act("again", t("task.submitted")), title: t("task.again_why") },
        icon("play"),
        t("task.again"),
      ),
    h(
      "button.outline",
      { key: "redeliver", disabled: !task?.event, onclick: () => redeliver(), title: t("task.redeliver_why") },
      icon("redeliver"),
      t("task.redeliver"),
    ),
  );
}

function describeMetadata(task) {
  const data = task?.metadata;
  if (!data) return [];
  const video = data.VideoStreamSet?.[0];
  const audio = data.AudioStreamSet?.[0];
  return [
    video && `${video.Width}×${video.Height}${data.Rotate ? ` ↻${data.Rotate}°` : ""}`,
    video && `${video.Codec} ${video.Fps} fps`,
    audio?.SamplingRate && `${audio.Codec} ${number(audio.SamplingRate / 1000, 1)} kHz`,
    bitrate(data.Bitrate),
    data.Duration && milliseconds(data.Duration * 1000),
    size(data.Size),
  ];
}
