// Requests to the server, its events, and messages about errors.

import { state, update } from "./state.js";
import { t } from "./texts.js";

const HEADERS = { "X-Scf-Mps": "1" };
const EVENTS = ["task", "delivery", "message", "state", "object", "reset"];
const RETRY_MS = 1500;

/** Send a request and return the parsed response. Raise Error with the server's text. */
export async function call(method, path, body, parse = "json") {
  const headers = method === "GET" ? {} : { ...HEADERS, "Content-Type": "application/json" };
  const content = method === "GET" ? undefined : JSON.stringify(body ?? {});
  let response;
  try {
    response = await fetch(path, { method, headers, body: content });
  } catch {
    throw new Error(t("error.unreachable"));
  }
  if (!response.ok) throw new Error(await readError(await response.text(), response.status, path));
  return response[parse]();
}

function readError(text, status, path) {
  try {
    const { error } = JSON.parse(text);
    if (error) return String(error);
  } catch {
    // Not JSON: the status says more.
  }
  return `${status} ${path}: ${text.slice(0, 200)}`;
}

/** Upload a file with its progress (0 to 1). Return the parsed response. */
export function upload(file, workflow, onProgress) {
  // XMLHttpRequest, because fetch reports no progress of uploads.
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const query = new URLSearchParams({ name: file.name, ...(workflow && { workflow }) });
    request.open("POST", `/api/videos?${query}`);
    request.setRequestHeader("X-Scf-Mps", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => event.total && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Error(t("error.unreachable")));
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(new Error(readError(request.responseText, request.status, "/api/videos")));
    };
    request.send(file);
  });
}

let toastNumber = 0;

/** Show a text for some seconds. Errors stay until they are dismissed. */
export function showToast(text, kind = "info") {
  if (kind === "error" && state.toasts.some((toast) => toast.text === text)) return;
  const toast = { id: ++toastNumber, text, kind };
  update({ toasts: [...state.toasts.slice(-3), toast] });
  if (kind !== "error") setTimeout(() => dismissToast(toast.id), 4000);
}

export function dismissToast(id) {
  update({ toasts: state.toasts.filter((toast) => toast.id !== id) });
}

/** Run an action. Show its error, or `success`. Return its result, or undefined after an error. */
export async function run(action, success) {
  try {
    const result = await action();
    if (success) showToast(success);
    return result ?? true;
  } catch (error) {
    showToast(error.message, "error");
    return undefined;
  }
}

/** Receive the events after `lastId` while the page is visible. `onReopen` runs when the stream opens again. */
export function connect(lastId, onEvent, onReopen) {
  let source = null;
  let timer = 0;
  let opened = state.server ? 0 : 1;

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`/events?after=${lastId}`);
    source.onopen = () => {
      update({ connection: "open" });
      if (opened++) onReopen();
    };
    source.onerror = () => {
      update({ connection: "lost" });
      // The browser itself retries unless the response was an error.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY_MS);
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId) lastId = event.lastEventId;
        onEvent(name, JSON.parse(event.data || "{}"));
      });
    }
  }

  // A browser allows six connections to a server: a hidden page gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return open();
    clearTimeout(timer);
    source?.close();
  });
  if (!document.hidden) open();
}
