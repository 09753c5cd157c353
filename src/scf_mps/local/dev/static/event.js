// The event of a task: a tree, the same as code, and the editor that sends events.

import { call, run, showToast } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { copy, renderSegments } from "./parts.js";
import { getChoice, setChoice, state, update } from "./state.js";
import { t } from "./texts.js";
import { renderTree } from "./tree.js";

const FORMS = ["tree", "json", "invoke", "curl", "pytest", "sdk"];

/** Return the event of a task. */
export function renderEvent(task) {
  const form = getChoice(`form ${task.id}`, "tree");
  if (!task.event) return h("div.blank-panel", h("p", t("event.none")));
  return [
    h(
      "div.bar",
      renderSegments(t("event.form"), FORMS, form, (name) => showForm(task, name), "form"),
      h("span.space"),
      form !== "tree" &&
        h(
          "button",
          { key: "copy", onclick: () => copy(getChoice(`code ${task.id} ${form}`, "")) },
          icon("copy"),
          t("copy.code"),
        ),
      form === "json" && h("button", { key: "file", onclick: () => save(task) }, icon("download"), t("event.file")),
      h("button.accent", { key: "edit", onclick: () => openEditor(task.event) }, icon("edit"), t("event.edit")),
    ),
    form === "tree"
      ? renderTree(`event ${task.id}`, task.event)
      : h("pre.code.mono", { tabindex: 0 }, getChoice(`code ${task.id} ${form}`, t("list.loading"))),
    h("p.muted", t("event.redacted")),
  ];
}

async function showForm(task, name) {
  setChoice(`form ${task.id}`, name);
  if (name === "tree") return;
  try {
    setChoice(
      `code ${task.id} ${name}`,
      await call("GET", `/api/tasks/${encodeURIComponent(task.id)}/copy?as=${name}`, undefined, "text"),
    );
  } catch (error) {
    setChoice(`code ${task.id} ${name}`, error.message);
  }
}

function save(task) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(task.event, null, 2)], { type: "application/json" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: `${task.id}.json` });
  link.click();
  URL.revokeObjectURL(url);
}

/** Open the editor with an event, or with the last one that was edited. */
export function openEditor(event) {
  const text = event ? JSON.stringify(event, null, 2) : sessionStorage.getItem("event") || "";
  update({ dialog: { name: "editor", text, error: "", warnings: [] } });
  if (!text) loadSample(state.server?.samples?.[0]);
}

async function loadSample(name) {
  if (!name) return;
  const sample = await run(() => call("GET", `/api/samples/${encodeURIComponent(name)}`));
  if (sample && state.dialog?.name === "editor") setText(JSON.stringify(sample, null, 2));
}

function setText(text) {
  let error = "";
  try {
    if (text.trim()) JSON.parse(text);
  } catch (problem) {
    error = problem.message;
  }
  update({ dialog: { ...state.dialog, text, error, warnings: [] } });
}

async function send() {
  const { text, error } = state.dialog;
  if (error || !text.trim()) return;
  sessionStorage.setItem("event", text);
  const response = await run(() => call("POST", "/api/events", JSON.parse(text)));
  if (!response) return;
  showToast(t("event.sent", { n: response.request_ids.length }));
  if (response.warnings?.length) update({ dialog: { ...state.dialog, warnings: response.warnings } });
  else update({ dialog: null });
}

/** Return the editor. */
export function renderEditor({ text, error, warnings }) {
  return [
    h("p.muted", t("editor.about")),
    h(
      "label.field.inline",
      t("editor.sample"),
      h(
        "select",
        { value: "", onchange: (event) => loadSample(event.target.value) },
        h("option", { value: "" }, t("editor.choose")),
        state.server?.samples?.map((name) => h("option", { key: name, value: name }, name)),
      ),
    ),
    h("textarea", {
      class: "editor mono",
      "aria-label": t("editor.title"),
      "aria-invalid": String(Boolean(error)),
      "aria-describedby": "editor-error",
      spellcheck: "false",
      value: text,
      oninput: (event) => setText(event.target.value),
      onkeydown: (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && send(),
    }),
    h("p.bad.mono", { id: "editor-error", "aria-live": "polite" }, error),
    warnings.length > 0 &&
      h(
        "ul.warnings",
        warnings.map((warning) => h("li", { key: warning }, warning)),
      ),
    h(
      "div.dialog-foot",
      h("span.muted", t("editor.keys")),
      h("span.space"),
      h("button.accent", { disabled: Boolean(error) || !text.trim(), onclick: send }, icon("send"), t("editor.send")),
    ),
  ];
}
