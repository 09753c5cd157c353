// The console: shows the state, follows the server's events and the route.

import { connect, call, dismissToast, run } from "./api.js";
import { followDialog, showDialog } from "./dialogs.js";
import { h, patch } from "./dom.js";
import { statusIcon } from "./icons.js";
import { countFaults } from "./faults.js";
import { handleKey } from "./keyboard.js";
import { loadRows, placeRow, renderList } from "./list.js";
import { followPlace, loadObjects } from "./objects.js";
import { renderIconButton } from "./parts.js";
import { go, parseRoute, setRender, state, update } from "./state.js";
import { loadTask, refreshTask, renderTask } from "./task.js";
import { applyLanguage, t } from "./texts.js";
import { followTheme, renderStarters, renderTop, uploadFiles } from "./top.js";

const CLOCK_MS = 1000;
const FAULTS_MS = 200;
const find = (id) => document.getElementById(id);
let loaded = false;
let faultsTimer = 0;

function render() {
  applyLanguage();
  const { route, rows, server } = state;
  const shown = rows.find(({ id }) => id === route.id);
  const empty = !route.id && route.tab !== "cos";
  document.title = shown ? `${shown.name || shown.event_type} · scf-mps` : "scf-mps dev";
  document.body.classList.toggle("drawer", state.drawer);
  patch(find("top"), renderTop());
  patch(find("list"), [
    renderIconButton(state.drawer ? "close" : "list", t("list.unfold"), () => update({ drawer: !state.drawer }), {
      class: "unfold",
      "aria-expanded": String(state.drawer),
    }),
    renderList(),
  ]);
  patch(find("banner"), renderBanners(server));
  patch(find("main"), empty ? renderWelcome() : renderTask());
  patch(
    find("toasts"),
    state.toasts.map((toast) =>
      h(
        "div",
        { key: toast.id, class: `toast ${toast.kind}`, role: toast.kind === "error" ? "alert" : "status" },
        statusIcon(toast.kind === "error" ? "failed" : "done"),
        h("p", toast.text),
        renderIconButton("close", t("dialog.close"), () => dismissToast(toast.id), { class: "small" }),
      ),
    ),
  );
  find("drop").hidden = !state.dragging;
  showDialog();
}

function renderBanners(server) {
  return [
    state.connection === "lost" &&
      h("div.banner.bad", { key: "lost", role: "alert" }, statusIcon("failed"), t("connection.lost_why")),
    server &&
      !server.engine.available &&
      h("div.banner", { key: "engine" }, statusIcon("partly"), server.engine.problem || t("banner.engine")),
    server?.function.paused &&
      h("div.banner", { key: "paused" }, statusIcon("waiting"), t("banner.paused", { n: server.function.waiting })),
  ];
}

function renderWelcome() {
  if (!loaded) return null;
  return h(
    "div.welcome",
    h("img", { src: "/static/icon.svg", alt: "", width: 64, height: 64 }),
    h("h1", t("welcome.title")),
    h("p", t("welcome.text")),
    h("div.group", renderStarters()),
    h("p.muted", t("welcome.cos"), " ", h("a", { href: "#/cos" }, t("welcome.browse"))),
  );
}

async function loadState() {
  const server = await run(() => call("GET", "/api/state"));
  if (server) update({ server });
}

async function loadAll() {
  await Promise.all([loadState(), loadRows(), loadTask()]);
  // Without a route, the page opens with the newest task.
  if (!loaded && !state.route.id && state.route.tab !== "cos" && state.rows.length) go({ id: state.rows[0].id }, true);
  loaded = true;
  await loadObjects();
  update();
}

function follow(name, { task, row }) {
  if (name === "reset") return void loadAll();
  if (name === "state") return void loadState();
  if (name === "object") return void loadObjects();
  // Tasks and deliveries use up faults.
  if (countFaults(state.server)) {
    clearTimeout(faultsTimer);
    faultsTimer = setTimeout(loadState, FAULTS_MS);
  }
  if (row) {
    const first = !state.rows.length && !state.route.id && state.route.tab !== "cos";
    announce(row);
    placeRow(row);
    if (first) go({ id: row.id }, true);
  }
  if (task && task === state.route.id) refreshTask();
}

/** Announce to screen readers that a task finished. */
function announce(row) {
  const before = state.rows.find(({ id }) => id === row.id);
  if (!before || before.status === "FINISH" || row.status !== "FINISH") return;
  find("live").textContent = t(row.failed ? "live.failed" : "live.finished", { name: row.name, n: row.subtasks.total });
}

function followRoute() {
  const before = state.route;
  const route = parseRoute(location.hash);
  const filter = (query) => `${query.get("failed")} ${query.get("q")}`;
  update({ route, ...(route.id !== before.id && { detailError: "", drawer: false }) });
  if (route.id !== before.id) loadTask();
  if (filter(route.query) !== filter(before.query)) loadRows();
  if (route.tab === "cos") followPlace();
}

function listenToDrops() {
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const listen = (name, action) =>
    addEventListener(name, (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      action(event);
    });
  listen("dragenter", () => ++depth && update({ dragging: true }));
  listen("dragleave", () => --depth || update({ dragging: false }));
  listen("dragover", () => {});
  listen("drop", ({ dataTransfer }) => {
    depth = 0;
    update({ dragging: false });
    uploadFiles(dataTransfer.files);
  });
  find("file").onchange = ({ target }) => {
    uploadFiles(target.files);
    target.value = "";
  };
}

setRender(render);
state.route = parseRoute(location.hash);
addEventListener("hashchange", followRoute);
addEventListener("popstate", followRoute);
addEventListener("keydown", handleKey);
followDialog();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", followTheme);
setInterval(() => document.hidden || update({ now: Date.now() / 1000 }), CLOCK_MS);
document.querySelector(".skip").onclick = (event) => {
  event.preventDefault(); // the hash is the route
  find("main").focus();
};
find("main").addEventListener("click", () => state.drawer && update({ drawer: false }));
listenToDrops();
update();
await loadAll();
connect(state.server?.last_id ?? "", follow, loadAll);
