// The results of a task: a card each, with a player or pictures.

import { h } from "./dom.js";
import { bitrate, milliseconds, number, size } from "./format.js";
import { icon, statusIcon } from "./icons.js";
import { renderMedia } from "./media.js";
import { renderAddress, renderCopy, renderFacts, renderLabel, renderNotice } from "./parts.js";
import { getChoice, setChoice, state } from "./state.js";
import { t } from "./texts.js";
import { renderTree } from "./tree.js";

const STATUS = { WAITING: "waiting", PROCESSING: "running", SUCCESS: "done", FAIL: "failed" };

/** Return the results, the warnings and the assumptions of a task. */
export function renderResults(task) {
  return [
    task.error &&
      renderNotice(
        "failed",
        [task.error.code, task.error.name, task.error.message, task.error.meaning].filter(Boolean).join(" · "),
      ),
    task.warnings?.map((text) => renderNotice("partly", text)),
    !task.results?.length && h("p.hint", t("results.none")),
    h(
      "div.cards",
      task.results?.map((result) => renderCard(task, result)),
    ),
    task.assumptions?.length > 0 &&
      h(
        "section.assumptions",
        h("h2", t("results.assumptions")),
        h("p.muted", t("results.assumptions_why")),
        h(
          "ul",
          task.assumptions.map(({ id, text }) => h("li", { key: id }, h("code", id), " ", text)),
        ),
      ),
  ];
}

function renderCard(task, result) {
  const status = STATUS[result.status] || "waiting";
  const key = `${task.id} ${result.place}`;
  const main = result.files?.find(({ url, role }) => url === result.play || role === "sheet") || result.files?.[0];
  const expanded = getChoice(`card ${key}`, false);
  return h(
    "article",
    {
      key: result.place,
      class: `card ${status}${expanded ? " expanded" : ""}`,
      "aria-label": `${findName(result)}, ${t(`result.${status}`)}`,
    },
    renderPreview(key, result, status),
    h(
      "div.card-text",
      h(
        "div.card-title",
        h("h2", { title: `${result.place} · ${result.type} ${result.definition ?? ""}` }, findName(result)),
        renderLabel(status, t(`result.${status}`)),
      ),
      renderFacts(describe(result)),
      main && renderAddress(main.cos, t("copy.cos")),
      h(
        "div.card-foot",
        result.scripted && h("span.tag", { title: t("results.scripted_why") }, t("results.scripted")),
        result.assumptions?.map((id) => h("span.tag", { key: id, title: findAssumption(id) }, t("results.assumption"))),
        (result.output || result.files?.length > 0) &&
          h(
            "button.quiet.small.disclose",
            { "aria-expanded": String(expanded), onclick: () => setChoice(`card ${key}`, !expanded) },
            icon("chevron"),
            result.files?.length > 1 ? t("results.files", { n: number(result.files.length) }) : t("results.details"),
          ),
      ),
      expanded && renderDetails(key, result),
    ),
  );
}

/** Return the name of a result's preset, or the result's own. */
export function findName({ type, definition, name }) {
  return (
    state.server?.presets?.find((preset) => preset.kind === type && preset.definition === definition)?.name ||
    name ||
    type
  );
}

function findAssumption(id) {
  return state.server?.assumptions?.find((item) => item.id === id)?.text || id;
}

function renderPreview(key, result, status) {
  if (status === "done") return renderMedia(key, result);
  if (result.error) return h("div.media.blank", renderError(result.error));
  const percent = Math.round((result.progress || 0) * 100);
  return h(
    "div",
    { class: `media blank ${status}` },
    status === "running"
      ? h(
          "div.gauge",
          {
            role: "progressbar",
            "aria-valuenow": percent,
            "aria-valuemin": 0,
            "aria-valuemax": 100,
            "aria-label": result.name,
          },
          h(
            "svg",
            { viewBox: "0 0 48 48", "aria-hidden": "true" },
            h("circle.track", { cx: 24, cy: 24, r: 20 }),
            h("circle.value", { cx: 24, cy: 24, r: 20, pathLength: 100, "stroke-dasharray": `${percent} 100` }),
          ),
          h("span", `${percent} %`),
        )
      : statusIcon(status),
  );
}

/** Return the bytes of all files, or null if one is unknown or there are none: `size` of a playlist omits its segments. */
function sumSizes(files) {
  return files?.length && files.every((file) => file.size != null)
    ? files.reduce((sum, file) => sum + file.size, 0)
    : null;
}

function describe(result) {
  return [
    result.width && result.height && `${result.width}×${result.height}`,
    result.codec,
    result.fps && `${number(result.fps, 2)} fps`,
    bitrate(result.bitrate),
    result.duration && milliseconds(result.duration * 1000),
    size(sumSizes(result.files) ?? result.size),
    result.status === "SUCCESS" &&
      ["images", "sprites"].includes(result.media) &&
      t("results.pictures", { n: result.files.filter(({ role }) => role !== "vtt").length }),
  ];
}

function renderError({ code, name, message, meaning }) {
  return h(
    "div.failure",
    statusIcon("failed"),
    h("p", h("code", [code, name].filter(Boolean).join(" "))),
    message && h("p", message),
    meaning && h("p.muted", meaning),
  );
}

function renderDetails(key, result) {
  return h(
    "div.details",
    h(
      "ul.files",
      result.files?.map((file) =>
        h(
          "li",
          { key: file.cos },
          h("a", { href: file.url, target: "_blank", rel: "noopener" }, file.name),
          h("span.muted", file.role),
          h("span.muted.number", size(file.size)),
          renderCopy(file.cos, t("copy.cos")),
        ),
      ),
    ),
    result.output && renderTree(`output ${key}`, result.output, "Output"),
  );
}
