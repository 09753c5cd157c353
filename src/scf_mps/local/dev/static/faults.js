// The faults: errors that the next requests, subtasks and notifications meet.

import { call, run } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { renderIconButton } from "./parts.js";
import { getChoice, setChoice, state, update } from "./state.js";
import { t } from "./texts.js";

const TYPES = [
  "Transcode",
  "AdaptiveDynamicStreaming",
  "AnimatedGraphics",
  "SnapshotByTimeOffset",
  "SampleSnapshot",
  "ImageSprites",
];
const ERRORS = {
  "30010 InternalError": [30010, "InternalError"],
  "30009 SourceFileError": [30009, "SourceFileError"],
  "40000 InvalidInput": [40000, "InvalidInput"],
};
const OPERATIONS = ["CopyObject", "PutObject", "GetObject", "HeadObject", "*"];
const REFUSALS = {
  "503 SlowDown": { kind: "slow_down" },
  "500 InternalError": { kind: "error", status: 500, code: "InternalError" },
  "403 AccessDenied": { kind: "error", status: 403, code: "AccessDenied" },
  "connection reset": { kind: "reset_before" },
};
// The fields of a rule that have a meaning for its kind. Rules of other kinds show all.
const FIELDS = {
  fail: ["type", "code", "name"],
  delay: ["seconds"],
  lose: [],
  duplicate: [],
  reorder: [],
  slow_down: ["operation"],
  error: ["operation", "status", "code"],
  reset_before: ["operation"],
  "api error": ["action", "code"],
};
const ACTIONS = ["*", "ProcessMedia", "DescribeTaskDetail", "Invoke", "PurgeUrlsCache"];
const CODES = ["RequestLimitExceeded", "InternalError", "AuthFailure.TokenFailure"];
const COUNTS = ["1", "2", "3", "10"];

// Area, name, choices, and the rule of the chosen values.
const SWITCHES = [
  [
    "mps",
    "fail",
    [TYPES, Object.keys(ERRORS)],
    (type, error) => ({ kind: "fail", type, code: ERRORS[error][0], name: ERRORS[error][1], times: 1 }),
  ],
  ["mps", "delay", [["1", "5", "30"]], (seconds) => ({ kind: "delay", seconds: Number(seconds), times: 1 })],
  ["mps", "lose", [], () => ({ kind: "lose", times: 1 })],
  ["mps", "duplicate", [], () => ({ kind: "duplicate", times: 1 })],
  ["mps", "reorder", [], () => ({ kind: "reorder", times: 1 })],
  [
    "cos",
    "refuse",
    [COUNTS, OPERATIONS, Object.keys(REFUSALS)],
    (count, operation, refusal) => ({ operation, count: Number(count), ...REFUSALS[refusal] }),
  ],
  [
    "api",
    "refuse",
    [COUNTS, ACTIONS, CODES],
    (times, action, code) => ({ kind: "error", action, code, times: Number(times) }),
  ],
  [
    "webhooks",
    "reply",
    [COUNTS, ["500", "429", "403"]],
    (times, status) => ({ status: Number(status), times: Number(times) }),
  ],
];

async function put(values, success) {
  const faults = await run(() => call("PUT", "/api/faults", values), success);
  if (faults && typeof faults === "object") update({ server: { ...state.server, faults } });
}

/** Return the number of rules that can still hit something. */
export const countFaults = (server) =>
  Object.values(server?.faults || {}).reduce((sum, rules) => sum + (rules?.length || 0), 0);

/** Return the switches of faults. */
export function renderFaults() {
  const { faults } = state.server;
  return [
    h("p.muted", t("faults.about")),
    ["mps", "cos", "api", "webhooks"].map((area) =>
      h(
        "fieldset.faults",
        { key: area },
        h("legend", t(`faults.${area}`)),
        SWITCHES.filter(([owner]) => owner === area).map((item) => renderSwitch(item, faults[area] || [])),
        (faults[area] || []).map((rule, index) => renderRule(area, faults[area], rule, index)),
      ),
    ),
    h(
      "fieldset.faults",
      h("legend", t("faults.scf")),
      h(
        "div.switch",
        h("span", t("faults.kill")),
        h("span.space"),
        h(
          "button.small",
          { onclick: () => put({ kill_instance: true }, t("faults.killed")) },
          icon("stop"),
          t("faults.kill_now"),
        ),
      ),
    ),
  ];
}

function renderSwitch([area, name, choices, build], rules) {
  const key = (index) => `fault ${area} ${name} ${index}`;
  const values = choices.map((options, index) => getChoice(key(index), options[0]));
  return h(
    "div.switch",
    { key: name },
    h("span", t(`faults.${area}.${name}`)),
    choices.map((options, index) =>
      h(
        "select",
        {
          key: index,
          "aria-label": t(`faults.${area}.${name}`),
          value: values[index],
          onchange: (event) => setChoice(key(index), event.target.value),
        },
        options.map((option) => h("option", { key: option, value: option }, option)),
      ),
    ),
    h("span.space"),
    h("button.small", { onclick: () => put({ [area]: [...rules, build(...values)] }) }, icon("add"), t("faults.add")),
  );
}

function isShown(area, kind, name) {
  const fields = FIELDS[`${area} ${kind}`] || FIELDS[kind];
  return !fields || ["kind", "times", "count", "hits", ...fields].includes(name);
}

function renderRule(area, rules, rule, index) {
  const text = Object.entries(rule)
    .filter(([name, value]) => value !== null && value !== "" && isShown(area, rule.kind, name))
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(" ");
  return h(
    "div",
    { key: `${index} ${text}`, class: "rule" },
    icon("faults"),
    h("code", text),
    h("span.space"),
    renderIconButton(
      "close",
      `${t("faults.remove")}: ${text}`,
      () => put({ [area]: rules.filter((_, other) => other !== index) }),
      { class: "small" },
    ),
  );
}
