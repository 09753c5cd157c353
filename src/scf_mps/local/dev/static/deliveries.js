// The deliveries of a task's event: attempts in time, callbacks by attempt, and the log of an attempt.

import { redeliver } from "./actions.js";
import { call, run } from "./api.js";
import { h } from "./dom.js";
import { clock, milliseconds, number } from "./format.js";
import { icon, statusIcon } from "./icons.js";
import { findName } from "./results.js";
import { renderFacts, renderIconButton, renderLabel, renderNotice } from "./parts.js";
import { renderSpans } from "./spans.js";
import { getChoice, setChoice, state } from "./state.js";
import { t } from "./texts.js";

/** Return the deliveries, newest first. */
export function renderDeliveries(task) {
  const again = state.server?.function.again_after_save;
  const deliveries = [...(task.deliveries || [])].reverse();
  return [
    again !== undefined &&
      h(
        "label.check",
        { key: "again" },
        h("input", {
          type: "checkbox",
          checked: again,
          onchange: (event) => run(() => call("POST", "/api/queue", { again_after_save: event.target.checked })),
        }),
        t("deliveries.again"),
      ),
    !deliveries.length && h("div.blank-panel", h("p", task.event ? t("deliveries.none") : t("deliveries.no_event"))),
    deliveries.map((delivery, index) => renderDelivery(task, delivery, index === 0)),
  ];
}

function renderDelivery(task, delivery, newest) {
  const { request_id: id, attempts } = delivery;
  const status = delivery.state === "queued" ? "waiting" : delivery.state;
  const chosen = getChoice(`attempt ${id}`, newest && attempts.length ? attempts.at(-1).number : -1);
  const attempt = attempts.find((item) => item.number === chosen);
  return h(
    "section",
    { key: id, class: `delivery ${status}`, "aria-label": `${t(`delivery.${delivery.state}`)}, ${id}` },
    h(
      "div.delivery-head",
      renderLabel(status, t(`delivery.${delivery.state}`)),
      h("span.muted", clock(delivery.pushed, 3)),
      delivery.event_status && h("span.tag", delivery.event_status),
      delivery.manual && h("span.tag", t("deliveries.manual")),
      h("span.muted.mono.clip.id", { title: id }, id),
      delivery.state === "dead" &&
        h(
          "button.small",
          { onclick: () => run(() => call("POST", `/api/dead-letters/${encodeURIComponent(id)}/redeliver`)) },
          icon("redeliver"),
          t("deliveries.redeliver"),
        ),
    ),
    ["dead", "lost"].includes(delivery.state) && renderNotice(status, t(`deliveries.${delivery.state}_why`)),
    attempts.length > 0 && renderLane(delivery, chosen),
    attempts.some(({ callbacks }) => callbacks.length) && renderMatrix(task, attempts),
    attempt?.spans?.length > 0 && renderSpans(attempt),
    attempt && renderLog(attempt),
  );
}

/** Return the attempts as bars in the order of time. Waiting times are between them. */
function renderLane({ request_id: id, pushed, attempts, state: current }, chosen) {
  const parts = [];
  let end = pushed;
  for (const attempt of attempts) {
    const gap = Math.max(0, (attempt.started - end) * 1000);
    parts.push(
      h(
        "li",
        { key: `gap ${attempt.number}`, class: "gap", style: { "flex-grow": scale(gap) / 3 } },
        h("span", t(attempt.number ? "deliveries.wait" : "deliveries.queued", { time: milliseconds(gap) })),
      ),
      renderAttempt(id, attempt, chosen),
    );
    end = attempt.started + getTotal(attempt) / 1000;
  }
  if (current === "retrying") parts.push(h("li.gap.next", { key: "next" }, h("span", t("deliveries.next"))));
  return h("ol.lane", { "aria-label": t("deliveries.attempts") }, parts);
}

// Waits of a minute and calls of a millisecond share a line: widths grow with the logarithm.
const scale = (ms) => Math.log2(2 + ms);

/** Return milliseconds of an attempt with the start of its instance. */
const getTotal = (attempt) => (attempt.ms || 0) + (attempt.cold ? attempt.init_ms || 0 : 0);

function renderAttempt(id, attempt, chosen) {
  const status = getStatus(attempt);
  const selected = attempt.number === chosen;
  const cold = attempt.cold ? (100 * (attempt.init_ms || 0)) / (getTotal(attempt) || 1) : 0;
  return h(
    "li",
    { key: `attempt ${attempt.number}`, class: "attempt-item", style: { "flex-grow": scale(getTotal(attempt)) } },
    h(
      "button",
      {
        class: `attempt ${status}`,
        "aria-pressed": String(selected),
        style: { "--cold": `${cold}%` },
        onclick: () => setChoice(`attempt ${id}`, selected ? -1 : attempt.number),
        title: t(attempt.cold ? "deliveries.cold_why" : "deliveries.warm_why"),
      },
      h("span.attempt-name", statusIcon(status), t("deliveries.attempt", { n: attempt.number + 1 })),
      renderFacts([
        attempt.ms == null ? t("status.running") : milliseconds(attempt.ms),
        attempt.memory && `${number(attempt.memory / 1e6)} MB`,
        attempt.cold ? t("deliveries.cold", { time: milliseconds(attempt.init_ms) }) : t("deliveries.warm"),
      ]),
    ),
  );
}

function getStatus(attempt) {
  if (attempt.ms == null) return "running";
  return attempt.error || attempt.status >= 400 ? "failed" : "done";
}

/** Return the table of callbacks by attempt. */
function renderMatrix(task, attempts) {
  const rows = new Map();
  const names = new Map(task.results?.map((result) => [result.place, findName(result)]));
  for (const attempt of attempts) {
    for (const item of attempt.callbacks) {
      const key = `${item.place} ${item.callback}`;
      if (!rows.has(key)) rows.set(key, { ...item, outcomes: new Map() });
      rows.get(key).outcomes.set(attempt.number, item);
    }
  }
  return h(
    "div.matrix-box",
    h(
      "table.matrix",
      h(
        "thead",
        h(
          "tr",
          h("th", { scope: "col" }, t("matrix.callback")),
          h("th", { scope: "col" }, t("matrix.result")),
          attempts.map(({ number: index }) =>
            h("th", { key: index, scope: "col" }, t("deliveries.attempt", { n: index + 1 })),
          ),
          h("th", { scope: "col" }, h("span.visually-hidden", t("matrix.force"))),
        ),
      ),
      h(
        "tbody",
        [...rows].map(([key, row]) =>
          renderCallback(key, { ...row, result: names.get(row.place) || row.type }, attempts),
        ),
      ),
    ),
  );
}

function renderCallback(key, row, attempts) {
  const errors = [...new Set([...row.outcomes.values()].map(({ error }) => error).filter(Boolean))];
  return [
    h(
      "tr",
      { key },
      h(
        "th.mono",
        { scope: "row" },
        row.callback.split(".").map((part, index) => [index > 0 && ".", index > 0 && h("wbr"), part]),
      ),
      h("td", { title: `${row.place} · ${row.type}` }, row.result),
      attempts.map(({ number: index }) => {
        const item = row.outcomes.get(index);
        const outcome = item?.outcome || "running";
        return h(
          "td",
          { key: index },
          item &&
            renderLabel(
              outcome,
              t(`outcome.${outcome}`),
              item.ms != null && h("span.muted.number", milliseconds(item.ms)),
            ),
        );
      }),
      h(
        "td",
        renderIconButton("redeliver", t("matrix.force"), () => redeliver([row.callback]), {
          class: "small force",
          title: t("matrix.force_why"),
          "aria-label": `${t("matrix.force")}: ${row.callback}`,
        }),
      ),
    ),
    errors.map((error) =>
      h("tr.why", { key: `${key} ${error}` }, h("td.bad.mono", { colspan: attempts.length + 3 }, error)),
    ),
  ];
}

/** Return the log lines of an attempt. Its own error repeats what they say, unless none of them is an error. */
function renderLog({ number: index, started, logs = [], error, ms }) {
  const lines =
    error && !logs.some(({ level }) => level === "ERROR")
      ? [...logs, { at: started + (ms || 0) / 1000, level: "ERROR", message: error }]
      : logs;
  return h(
    "div.log.mono",
    { tabindex: 0, role: "region", "aria-label": t("deliveries.log", { n: index + 1 }) },
    !lines.length && h("p.muted", t("deliveries.no_log")),
    lines.map((line, key) =>
      h(
        "p",
        { key, class: `line ${(line.level || "").toLowerCase()}` },
        h("span.at", `+${milliseconds(Math.max(0, (line.at - started) * 1000))}`),
        h("span.level", line.level || ""),
        h(
          "span.text",
          `${line.message || line.text} `,
          h(
            "span.muted",
            Object.entries(line.fields || {})
              .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
              .join("  "),
          ),
          line.message && line.text && line.text !== line.message && h("span.trace", line.text),
        ),
      ),
    ),
  );
}
