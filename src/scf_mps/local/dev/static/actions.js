// Actions on the open task.

import { call, run } from "./api.js";
import { go, state } from "./state.js";

/** Deliver the event of the open task again. `force` names callbacks that run although they are done. */
export async function redeliver(force = []) {
  const { id } = state.route;
  if (!id) return;
  const response = await run(() => call("POST", `/api/tasks/${encodeURIComponent(id)}/redeliver`, { force }));
  if (response) go({ tab: "deliveries" });
}

/** Submit the open task again, or abort it. */
export async function act(name, success) {
  const { id } = state.route;
  const response = await run(() => call("POST", `/api/tasks/${encodeURIComponent(id)}/${name}`), success);
  if (response?.task) go({ id: response.task, tab: "results" });
}
