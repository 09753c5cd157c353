// The COS browser: buckets, folders, objects and their metadata.

import { call, run } from "./api.js";
import { h } from "./dom.js";
import { clock, size } from "./format.js";
import { icon } from "./icons.js";
import { renderAddress, renderNotice, renderPairs } from "./parts.js";
import { getChoice, go, setChoice, state, update } from "./state.js";
import { t } from "./texts.js";

const PICTURE = /\.(jpe?g|png|gif|webp|svg)$/i;
const VIDEO = /\.(mp4|m4v|mov|webm|m3u8)$/i;
let generation = 0;

/** Return the place that the COS tab shows: of the route, or of the open task's first output. */
function getPlace() {
  const { query } = state.route;
  if (query.get("bucket"))
    return { bucket: query.get("bucket"), prefix: query.get("prefix") || "", key: query.get("key") || "" };
  const task = state.detail?.id === state.route.id ? state.detail : null;
  const file = task?.results?.flatMap((result) => result.files || [])[0] || task?.source_file;
  if (!file) return { bucket: state.server?.buckets?.[0]?.name || "", prefix: "", key: "" };
  const [bucket, , key] = parseUrl(file.url);
  return { bucket, prefix: key.slice(0, key.lastIndexOf("/") + 1), key: "" };
}

/** Return bucket, region and key of /cos/BUCKET/REGION/KEY. */
function parseUrl(url) {
  const [, , bucket, region, ...key] = url.split("?")[0].split("/").map(decodeURIComponent);
  return [bucket, region, key.join("/")];
}

const isShown = ({ bucket, prefix }) => state.objects?.bucket === bucket && state.objects.prefix === prefix;

/** Load the objects of the shown place, or the next ones of it. */
export async function loadObjects(next) {
  const place = getPlace();
  if (state.route.tab !== "cos" || !place.bucket) return;
  const current = ++generation;
  const found = { ...place, prefixes: [], objects: [], next: null, error: "" };
  try {
    Object.assign(
      found,
      await call(
        "GET",
        `/api/objects?${new URLSearchParams({ bucket: place.bucket, prefix: place.prefix, ...(next && { after: next }) })}`,
      ),
    );
    if (next) for (const name of ["prefixes", "objects"]) found[name] = [...state.objects[name], ...found[name]];
  } catch (error) {
    found.error = error.message;
  }
  if (current === generation) update({ objects: found });
  await loadMetadata();
}

/** Load the metadata of the chosen object. */
async function loadMetadata() {
  const object = findObject(getPlace());
  if (!object) return;
  const metadata = await run(() => call("GET", `${object.url}?meta`));
  if (metadata) setChoice(`metadata ${object.url}`, metadata);
}

const findObject = ({ key }) => key && state.objects?.objects.find(({ url }) => parseUrl(url)[2] === key);

/** Load what a new route of the tab needs. */
export const followPlace = () => (isShown(getPlace()) ? loadMetadata() : loadObjects());

const open = (query) => go({ tab: "cos", query });

/** Return the COS browser. */
export function renderObjects() {
  const place = getPlace();
  const shown = state.objects;
  const parts = place.prefix.split("/").slice(0, -1);
  const buckets = state.server?.buckets || [];
  return [
    h(
      "div.bar",
      h(
        "select",
        {
          "aria-label": t("cos.bucket"),
          value: place.bucket,
          onchange: (event) => open({ bucket: event.target.value }),
        },
        buckets.map(({ name, region }) => h("option", { key: name, value: name }, `${name} · ${region}`)),
      ),
      h(
        "nav.crumbs.mono",
        { "aria-label": t("cos.folder") },
        h("button.quiet.small", { onclick: () => open({ bucket: place.bucket }) }, "/"),
        parts.map((part, index) =>
          h(
            "button.quiet.small",
            {
              key: index,
              onclick: () => open({ bucket: place.bucket, prefix: `${parts.slice(0, index + 1).join("/")}/` }),
            },
            `${part}/`,
          ),
        ),
      ),
    ),
    shown?.error && renderNotice("failed", shown.error),
    h("div.cos-split", renderListing(place, shown), renderObject(place)),
  ];
}

function renderListing(place, shown) {
  const name = (key) => (key.startsWith(place.prefix) ? key.slice(place.prefix.length) : key);
  if (place.bucket && !isShown(place)) return h("p.hint", t("list.loading"));
  if (!shown || (!shown.prefixes.length && !shown.objects.length)) return h("p.hint", t("cos.empty"));
  return h(
    "table.objects",
    h(
      "thead",
      h(
        "tr",
        h("th", { scope: "col" }, t("cos.name")),
        h("th.number", { scope: "col" }, t("cos.size")),
        h("th", { scope: "col" }, t("cos.modified")),
      ),
    ),
    h(
      "tbody",
      shown.prefixes.map((prefix) =>
        h(
          "tr",
          { key: prefix },
          h(
            "td",
            { colspan: 3 },
            h(
              "button.link",
              { onclick: () => open({ bucket: place.bucket, prefix }) },
              icon("folder"),
              h("span.mono", name(prefix)),
            ),
          ),
        ),
      ),
      shown.objects.map((object) => {
        const key = parseUrl(object.url)[2];
        const selected = key === place.key;
        return h(
          "tr",
          { key, class: selected ? "selected" : "" },
          h(
            "td",
            h(
              "button.link",
              {
                "aria-pressed": String(selected),
                onclick: () => open({ bucket: place.bucket, prefix: place.prefix, key }),
              },
              icon("file"),
              h("span.mono", name(key)),
            ),
          ),
          h("td.number", size(object.size)),
          h("td.muted", object.modified ? clock(object.modified) : ""),
        );
      }),
      shown.next &&
        h(
          "tr",
          { key: "more" },
          h("td", { colspan: 3 }, h("button.small", { onclick: () => loadObjects(shown.next) }, t("cos.more"))),
        ),
    ),
  );
}

function renderObject(place) {
  const object = findObject(place);
  const metadata = object && getChoice(`metadata ${object.url}`, null);
  if (!object) return h("aside.inspector.empty", h("p.muted", t("cos.choose")));
  return h(
    "aside.inspector",
    { key: object.url, "aria-label": object.name },
    PICTURE.test(object.name)
      ? h("img", { src: object.url, alt: object.name })
      : VIDEO.test(object.name) && h("video", { src: object.url, controls: true, preload: "metadata", muted: true }),
    renderAddress(object.cos, t("copy.cos")),
    h("p", h("a", { href: object.url, target: "_blank", rel: "noopener" }, t("cos.open"))),
    metadata && renderPairs(Object.entries(metadata)),
  );
}
