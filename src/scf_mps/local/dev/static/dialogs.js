// The dialog: one element that shows the form, the editor, the faults, the connection, the help or an error.

import { h, patch } from "./dom.js";
import { renderEditor } from "./event.js";
import { renderFaults } from "./faults.js";
import { renderCopy, renderIconButton, renderPairs } from "./parts.js";
import { state, update } from "./state.js";
import { renderSubmit } from "./submit.js";
import { t } from "./texts.js";

const KEYS = [["j", "k"], ["Enter"], ["1", "…", "5"], ["/"], ["r"], ["e"], ["u"], ["s"], ["p"], ["f"], ["?"], ["Esc"]];
const VIEWS = {
  submit: ["submit.title", renderSubmit, "wide"],
  editor: ["editor.title", renderEditor, "wide"],
  faults: ["faults.title", renderFaults, "medium"],
  connect: ["connect.title", renderConnect, "medium"],
  help: ["help.title", renderHelp, "medium"],
  reload: ["function.error", ({ error }) => h("pre.code.mono", { tabindex: 0 }, error), "wide"],
};

let shown = null;

/** Close the dialog with its state when the browser closes it. */
export function followDialog() {
  const element = document.getElementById("dialog");
  element.oncancel = (event) => {
    event.preventDefault();
    update({ dialog: null });
  };
  element.onclose = () => shown && shown === state.dialog && update({ dialog: null });
}

/** Show or hide the dialog. */
export function showDialog() {
  const element = document.getElementById("dialog");
  const { dialog } = state;
  shown = dialog;
  if (!dialog) {
    if (element.open) element.close();
    return patch(element, []);
  }
  const [title, render, size] = VIEWS[dialog.name];
  element.className = size;
  patch(element, [
    h(
      "header",
      { key: "head" },
      h("h2", { id: "dialog-title" }, t(title)),
      renderIconButton("close", t("dialog.close"), () => update({ dialog: null })),
    ),
    h("div.dialog-body", { key: dialog.name }, render(dialog)),
  ]);
  if (!element.open) element.showModal();
}

function renderConnect() {
  const { endpoints, project, engine, workflows } = state.server;
  const exports = endpoints.exports.join("\n");
  return [
    h("p", t("connect.about")),
    h("div.code-box", h("pre.code.mono", { tabindex: 0 }, exports), renderCopy(exports, t("copy.code"))),
    h("p.muted", t("connect.clients")),
    renderPairs([
      ["COS", endpoints.cos],
      ["API", endpoints.api],
      [t("connect.console"), endpoints.console],
    ]),
    h("h3", t("connect.workflows")),
    workflows.length
      ? h(
          "ul.plain",
          workflows.map((item) =>
            h(
              "li",
              { key: item.id },
              h("strong", item.name),
              " ",
              h("span.mono.muted", `cos://${item.bucket}.${item.region}${item.dir || "/"}`),
              !item.enabled && ` · ${t("connect.disabled")}`,
            ),
          ),
        )
      : h("p.muted", t("connect.no_workflows")),
    h("h3", t("connect.project")),
    renderPairs([
      [t("connect.folder"), project.folder],
      ["Python", project.python],
      [t("connect.timeout"), project.timeout && `${project.timeout} s`],
      [t("connect.memory"), project.memory && `${project.memory} MB`],
      [t("connect.variables"), project.variables?.join(" ")],
      [t("connect.notices"), project.notices?.join("\n")],
      [t("connect.engine"), engine.available ? `PyAV${engine.fast ? " --fast" : ""}` : engine.problem],
      ["scf-mps", state.server.version],
    ]),
  ];
}

function renderHelp() {
  return [
    h(
      "table.keys",
      h(
        "tbody",
        KEYS.map((keys) =>
          h(
            "tr",
            { key: keys[0] },
            h(
              "th",
              { scope: "row" },
              keys.map((key) => (key === "…" ? "–" : h("kbd", { key }, key))),
            ),
            h("td", t(`key.${keys[0]}`)),
          ),
        ),
      ),
    ),
    h("p.muted", t("help.about")),
  ];
}
