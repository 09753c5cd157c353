// The bar at the top: videos, the function's state, faults, settings.

import { call, run, showToast, upload } from "./api.js";
import { h } from "./dom.js";
import { openEditor } from "./event.js";
import { countFaults } from "./faults.js";
import { clock, milliseconds } from "./format.js";
import { icon, statusIcon } from "./icons.js";
import { renderIconButton } from "./parts.js";
import { go, readSetting, state, update, writeSetting } from "./state.js";
import { openSubmit } from "./submit.js";
import { language, setLanguage, t } from "./texts.js";

let uploadNumber = 0;

/** Upload files one after the other, and open the task of the last. */
export async function uploadFiles(files) {
  const waiting = [...files].map((file) => ({ id: ++uploadNumber, name: file.name, progress: 0, file }));
  update({ uploads: [...waiting, ...state.uploads] });
  for (const item of waiting) {
    const show = (progress) => {
      item.progress = progress;
      update();
    };
    const response = await run(() => upload(item.file, "", show));
    update({ uploads: state.uploads.filter((other) => other !== item) });
    openTask(response);
  }
}

/** Submit the sample clip. */
export async function submitSample() {
  update({ sampling: true });
  const response = await run(() => call("POST", "/api/sample-clip"));
  update({ sampling: false });
  openTask(response);
}

function openTask(response) {
  if (response?.task) go({ id: response.task, tab: "results" });
  else if (response?.object) showToast(t("upload.no_task", { object: response.object }));
}

/** Stop or continue the deliveries of the queue. */
export function togglePause() {
  return run(() => call("POST", "/api/queue", { paused: !state.server.function.paused }));
}

export function openDialog(name, values = {}) {
  update({ dialog: { name, ...values } });
}

function chooseFiles() {
  document.getElementById("file").click();
}

const isDark = () => document.documentElement.dataset.theme === "dark";

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  update();
}

function toggleTheme() {
  const theme = isDark() ? "light" : "dark";
  writeSetting("theme", theme);
  setTheme(theme);
}

/** Follow a change of the system's theme unless the user chose one. */
export const followTheme = ({ matches }) => readSetting("theme") || setTheme(matches ? "dark" : "light");

/** Return the buttons that create a task. */
export function renderStarters() {
  return [
    h(
      "button.accent",
      { key: "upload", onclick: chooseFiles, title: `${t("top.upload")} (u)` },
      icon("upload"),
      h("span.wide", t("top.upload")),
    ),
    h(
      "button",
      { key: "sample", onclick: submitSample, disabled: state.sampling, title: t("top.sample_why") },
      state.sampling ? statusIcon("running") : icon("play"),
      h("span.wide", t("top.sample")),
    ),
  ];
}

/** Return the bar. */
export function renderTop() {
  const { server } = state;
  const faults = countFaults(server);
  const paused = server?.function.paused;
  return [
    h(
      "a.brand",
      { href: "#/", onclick: () => update({ drawer: false }) },
      h("img", { src: "/static/icon.svg", alt: "", width: 24, height: 24 }),
      h("span", "scf-mps"),
    ),
    h(
      "div.group",
      { role: "group", "aria-label": t("top.start") },
      renderStarters(),
      h(
        "button",
        { onclick: () => openSubmit(), disabled: !server, title: t("top.submit_why") },
        icon("add"),
        h("span.wide", t("top.submit")),
      ),
      h(
        "button",
        { onclick: () => openEditor(null), disabled: !server, title: t("top.event_why") },
        icon("send"),
        h("span.wide", t("top.event")),
      ),
    ),
    h("span.space"),
    server &&
      h("span.project.clip", { title: server.project.folder }, server.project.folder.split("/").filter(Boolean).at(-1)),
    server && renderFunction(server.function),
    h(
      "div.group",
      { role: "group", "aria-label": t("top.function") },
      h(
        "button",
        {
          class: paused ? "warn" : "",
          "aria-pressed": String(Boolean(paused)),
          onclick: togglePause,
          disabled: !server,
          title: `${t("top.pause_why")} (p)`,
        },
        icon(paused ? "play" : "pause"),
        h("span.wide", paused ? t("top.resume", { n: server.function.waiting }) : t("top.pause")),
      ),
      h(
        "button",
        {
          class: faults ? "warn" : "",
          onclick: () => openDialog("faults"),
          disabled: !server,
          title: `${t("top.faults_why")} (f)`,
        },
        icon("faults"),
        h("span.wide", t("top.faults")),
        faults > 0 && h("span.count", String(faults)),
      ),
    ),
    h(
      "div.group.quiet-group",
      { role: "group", "aria-label": t("top.page") },
      renderIconButton("plug", t("top.connect"), () => openDialog("connect"), { disabled: !server }),
      h(
        "button.quiet.icon-only.language",
        {
          title: t("top.language"),
          "aria-label": t("top.language"),
          lang: language.code === "en" ? "zh" : "en",
          onclick: () => setLanguage(language.code === "en" ? "zh" : "en"),
        },
        language.code === "en" ? "中" : "EN",
      ),
      renderIconButton(isDark() ? "sun" : "moon", t("top.theme"), toggleTheme),
      renderIconButton("help", t("help.title"), () => openDialog("help"), { title: `${t("help.title")} (?)` }),
      h(
        "span",
        { class: `connection ${state.connection}`, role: "status", title: t(`connection.${state.connection}`) },
        h("span.dot", { "aria-hidden": "true" }),
        h("span", { class: state.connection === "lost" ? "" : "visually-hidden" }, t(`connection.${state.connection}`)),
      ),
    ),
  ];
}

function renderFunction({ reload_ms: ms, reload_error: error, loaded_at: at }) {
  if (error)
    return h(
      "button.function.bad",
      { key: "error", onclick: () => openDialog("reload", { error }) },
      statusIcon("failed"),
      h("span.wide", t("function.error")),
    );
  if (!at) return null;
  return h(
    "span.function.muted",
    { key: "loaded", title: t("function.loaded_why") },
    statusIcon("done"),
    h("span.wide", [clock(at), milliseconds(ms)].filter(Boolean).join(" · ")),
  );
}
