// The form of ProcessMedia, which shows the same request as code.

import { call, run } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { copy, renderSegments } from "./parts.js";
import { go, state, update } from "./state.js";
import { t } from "./texts.js";

// Kind of a preset -> the set of MediaProcessTask, and parameters that a preset needs.
const SETS = {
  Transcode: ["TranscodeTaskSet", {}],
  AdaptiveDynamicStreaming: ["AdaptiveDynamicStreamingTaskSet", {}],
  AnimatedGraphics: ["AnimatedGraphicTaskSet", { StartTimeOffset: 0, EndTimeOffset: 5 }],
  SnapshotByTimeOffset: ["SnapshotByTimeOffsetTaskSet", { ExtTimeOffsetSet: ["0%", "50%"] }],
  SampleSnapshot: ["SampleSnapshotTaskSet", {}],
  ImageSprites: ["ImageSpriteTaskSet", {}],
};
const AI_TASKS = {
  AiContentReview: "AiContentReviewTask",
  AiAnalysis: "AiAnalysisTask",
  AiRecognition: "AiRecognitionTask",
};
const SOURCE = /^cos:\/\/([a-z0-9-]+)\.([a-z0-9-]+)\/(.+)$/;
const MAX_LEGACY_DEFINITION = 999;

/** Open the form with the subtasks of the default workflow. */
export function openSubmit() {
  const chosen = {};
  for (const [kind, [set, extra]] of Object.entries(SETS)) {
    for (const item of state.server.default_subtasks?.[set] || [])
      chosen[`${kind} ${item.Definition}`] = { ...extra, ...item };
  }
  const row = state.rows.find(({ id }) => id === state.route.id) || state.rows[0];
  update({
    dialog: {
      name: "submit",
      source: row?.source || "",
      folder: "",
      session: "",
      mode: "Finish",
      chosen,
      form: "python",
      legacy: false,
    },
  });
}

const change = (values) => update({ dialog: { ...state.dialog, ...values } });

/** Return the parameters of ProcessMedia, or null without a source and subtasks. */
function buildRequest({ source, folder, session, mode, chosen }) {
  const [, bucket, region, key] = SOURCE.exec(source.trim()) || [];
  if (!bucket || !Object.keys(chosen).length) return null;
  const request = { InputInfo: { Type: "COS", CosInputInfo: { Bucket: bucket, Region: region, Object: `/${key}` } } };
  if (folder) request.OutputDir = `/${folder}/`.replace(/\/+/g, "/");
  for (const [name, parameters] of Object.entries(chosen)) {
    const kind = name.split(" ")[0];
    if (AI_TASKS[kind]) request[AI_TASKS[kind]] = parameters;
    else ((request.MediaProcessTask ??= {})[SETS[kind][0]] ??= []).push(parameters);
  }
  request.TaskNotifyConfig = { NotifyType: "SCF", NotifyMode: mode };
  if (session) request.SessionId = session;
  return request;
}

const FORMS = {
  python: (json, { endpoints }) => `import json

from tencentcloud.common import credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models, mps_client

http = HttpProfile(protocol="http", endpoint="${endpoints.api.replace(/^https?:\/\//, "")}")
client = mps_client.MpsClient(
    credential.EnvironmentVariableCredential().get_credential(),
    "ap-guangzhou",
    ClientProfile(httpProfile=http),
)
request = models.ProcessMediaRequest()
request.from_json_string(json.dumps(${json}))
print(client.ProcessMedia(request).TaskId)
`,
  curl: (json) => `curl ${location.origin}/api/tasks -H 'X-Scf-Mps: 1' \\
  -H 'Content-Type: application/json' -d '${json.replaceAll("'", "'\\''")}'
`,
  json: (json) => `${json}\n`,
};

async function submit() {
  const response = await run(() => call("POST", "/api/tasks", buildRequest(state.dialog)), t("task.submitted"));
  if (!response) return;
  update({ dialog: null });
  if (response.task) go({ id: response.task, tab: "results" });
}

/** Return the form. */
export function renderSubmit(dialog) {
  const request = buildRequest(dialog);
  const code = request
    ? FORMS[dialog.form](JSON.stringify(request, null, dialog.form === "curl" ? 0 : 2), state.server)
    : t(SOURCE.test(dialog.source.trim()) ? "submit.no_subtask" : "submit.no_source");
  const sources = [...new Set(state.rows.map(({ source }) => source).filter(Boolean))];
  return [
    h(
      "div.submit",
      h(
        "form",
        {
          id: "submit-form",
          onsubmit: (event) => {
            event.preventDefault();
            submit();
          },
        },
        renderField("source", {
          class: "mono",
          list: "sources",
          placeholder: "cos://bucket-1250000000.ap-guangzhou/a.mp4",
          required: true,
        }),
        h(
          "datalist",
          { id: "sources" },
          sources.map((source) => h("option", { key: source, value: source })),
        ),
        h(
          "div.columns",
          renderField("folder", { class: "mono", placeholder: "/out/" }),
          renderField("session", { class: "mono", maxlength: 50 }),
        ),
        h(
          "label.field",
          t("submit.mode"),
          h(
            "select",
            { value: dialog.mode, onchange: (event) => change({ mode: event.target.value }) },
            ["Finish", "Change"].map((mode) =>
              h("option", { key: mode, value: mode }, t(`submit.mode_${mode.toLowerCase()}`)),
            ),
          ),
        ),
        renderPresets(dialog),
      ),
      h(
        "section.submit-code",
        { "aria-label": t("submit.code") },
        h(
          "div.bar",
          renderSegments(t("submit.code"), Object.keys(FORMS), dialog.form, (form) => change({ form }), "form"),
          h("span.space"),
          h("button.quiet.small", { disabled: !request, onclick: () => copy(code) }, icon("copy"), t("copy.code")),
        ),
        h("pre.code.mono", { tabindex: 0 }, code),
      ),
    ),
    h(
      "div.dialog-foot",
      h("span.space"),
      h("button.accent", { form: "submit-form", disabled: !request }, icon("play"), t("submit.submit")),
    ),
  ];
}

function renderField(name, attributes) {
  return h(
    "label.field",
    t(`submit.${name}`),
    h("input", {
      autocomplete: "off",
      spellcheck: "false",
      value: state.dialog[name],
      oninput: (event) => change({ [name]: event.target.value }),
      ...attributes,
    }),
  );
}

function renderPresets({ chosen, legacy }) {
  const presets = (state.server.presets || []).filter(({ kind }) => SETS[kind] || AI_TASKS[kind]);
  const isOld = ({ kind, definition }) => kind === "Transcode" && definition <= MAX_LEGACY_DEFINITION;
  const shown = presets.filter((preset) => legacy || !isOld(preset) || chosen[`${preset.kind} ${preset.definition}`]);
  const kinds = [...new Set(shown.map(({ kind }) => kind))];
  return [
    kinds.map((kind) =>
      h(
        "fieldset",
        { key: kind },
        h("legend", kind),
        shown
          .filter((preset) => preset.kind === kind)
          .map(({ definition, name }) =>
            h(
              "label.chip",
              { key: definition, title: `Definition ${definition}` },
              h("input", {
                type: "checkbox",
                checked: Boolean(chosen[`${kind} ${definition}`]),
                onchange: (event) => choose(`${kind} ${definition}`, event.target.checked),
              }),
              h("span", name),
            ),
          ),
      ),
    ),
    presets.some(isOld) &&
      h(
        "label.check",
        { key: "legacy" },
        h("input", {
          type: "checkbox",
          checked: legacy,
          onchange: (event) => change({ legacy: event.target.checked }),
        }),
        t("submit.legacy"),
      ),
  ];
}

function choose(name, checked) {
  const chosen = { ...state.dialog.chosen };
  const [kind, definition] = name.split(" ");
  if (checked) chosen[name] = { Definition: Number(definition), ...SETS[kind]?.[1] };
  else delete chosen[name];
  change({ chosen });
}
