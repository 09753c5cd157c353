// The state of the page, its route in the URL's hash, and the scheduling of updates.

export const TABS = ["results", "deliveries", "event", "messages", "cos"];

export const state = {
  server: null, // GET /api/state
  connection: "connecting", // connecting, open, lost
  rows: [], // of the list, newest first
  before: null, // the cursor of the next page
  listLoading: true,
  route: { id: "", tab: "results", query: new URLSearchParams() },
  detail: null, // GET /api/tasks/ID of the open task
  detailError: "",
  objects: null, // of the COS tab: {bucket, prefix, prefixes, objects, error}
  dialog: null, // {name, …}
  uploads: [],
  toasts: [],
  drawer: false, // the list over the task, in narrow windows
  dragging: false,
  now: Date.now() / 1000,
  ui: new Map(), // what is expanded or chosen, by a key of the view
};

let scheduled = false;
let render = () => {};

/** Set the function that shows the state. */
export function setRender(callback) {
  render = callback;
}

/** Change the state and show it before the next paint. */
export function update(changes = {}) {
  Object.assign(state, changes);
  if (scheduled) return;
  scheduled = true;
  // A hidden page paints nothing, but it must not wait with its first content.
  const schedule = document.hidden ? (callback) => setTimeout(callback, 0) : requestAnimationFrame;
  schedule(() => {
    scheduled = false;
    render();
  });
}

/** Return a choice of the view, such as whether a row is expanded. */
export const getChoice = (key, fallback) => (state.ui.has(key) ? state.ui.get(key) : fallback);

/** Store a choice of the view. */
export function setChoice(key, value) {
  state.ui.set(key, value);
  update();
}

/** Return a setting of an earlier visit, or null. */
export function readSetting(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // the browser blocks storage
  }
}

/** Store a setting for later visits. */
export function writeSetting(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // The browser blocks storage: the setting lasts until the page is left.
  }
}

/** Return the route of the URL's hash: #/tasks/ID/TAB?failed=1&q=…, or #/cos?bucket=…&prefix=…. */
export function parseRoute(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const [first, id, tab] = path.split("/").map(decode);
  const values = new URLSearchParams(query);
  if (first !== "tasks" || !id) return { id: "", tab: first === "cos" ? "cos" : "results", query: values };
  return { id, tab: TABS.includes(tab) ? tab : "results", query: values };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Return the hash of a route. The filter of the list is kept, places in COS belong to their tab. */
export function buildHash({ id = state.route.id, tab = state.route.tab, query = {} } = {}) {
  const values = new URLSearchParams();
  for (const name of ["failed", "q"]) if (state.route.query.get(name)) values.set(name, state.route.query.get(name));
  for (const [name, value] of Object.entries(query)) value ? values.set(name, value) : values.delete(name);
  const path = id ? `tasks/${encodeURIComponent(id)}/${tab}` : tab === "cos" ? "cos" : "";
  const text = String(values);
  return `#/${path}${text && `?${text}`}`;
}

/** Go to a route. `replace` adds no entry to the history. */
export function go(route, replace = false) {
  const hash = buildHash(route);
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
