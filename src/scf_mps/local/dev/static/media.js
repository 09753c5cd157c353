// Players of results: video, HLS, audio, pictures, and the scrubber of sprites.

import { showToast } from "./api.js";
import { h } from "./dom.js";
import { position } from "./format.js";
import { icon } from "./icons.js";
import { getChoice, setChoice } from "./state.js";
import { t } from "./texts.js";
import { renderTree } from "./tree.js";

const HLS = "application/vnd.apple.mpegurl";
const cues = new Map(); // URL of a VTT file -> its cues, a promise

/** Return the preview of a successful result. */
export function renderMedia(key, result) {
  const view = {
    video: renderVideo,
    hls: renderVideo,
    audio: renderAudio,
    image: renderPictures,
    images: renderPictures,
    sprites: renderSprites,
  }[result.media];
  return h(
    "div",
    { class: `media ${result.media}` },
    view && (result.play || result.files?.length) ? view(key, result) : renderData(key, result),
  );
}

/** Return a URL that the browser plays: the playlist itself, or the server's MP4 of it. */
function chooseSource(video, result) {
  return result.media === "hls" && !video.canPlayType(HLS) ? result.play_mp4 : result.play;
}

function renderVideo(key, result) {
  const broken = getChoice(`broken ${key} ${result.play}`, false);
  if (broken) {
    return h(
      "p.unplayable",
      t("media.unplayable", { codec: result.codec || result.container || "" }),
      " ",
      h("a", { href: result.play, download: true }, t("media.download")),
    );
  }
  const started = getChoice(`started ${key}`, false);
  return [
    h("video", {
      key: result.play,
      controls: started,
      playsinline: true,
      loop: true,
      preload: "metadata",
      "aria-label": result.name,
      mount: (video) => {
        video.muted = true;
        video.src = chooseSource(video, result);
        video.onplay = () => setChoice(`started ${key}`, true);
        video.onerror = () => {
          // H.265 and odd playlists: the MP4 may still play.
          if (result.play_mp4 && !video.src.endsWith(result.play_mp4)) video.src = result.play_mp4;
          else setChoice(`broken ${key} ${result.play}`, true);
        };
      },
    }),
    !started &&
      h("button.start", { "aria-label": t("media.play", { name: result.name }), onclick: start }, icon("play")),
  ];
}

function start({ currentTarget }) {
  const video = currentTarget.previousSibling;
  video.controls = true;
  video.focus();
  video.play();
}

function renderAudio(key, result) {
  return h("audio", {
    key: result.play,
    src: result.play,
    controls: true,
    preload: "metadata",
    "aria-label": result.name,
  });
}

function renderPictures(key, result) {
  const pictures = result.files.filter(({ role }) => role !== "vtt");
  const chosen = Math.min(getChoice(`picture ${key}`, 0), pictures.length - 1);
  const picture = pictures[chosen];
  return [
    h(
      "a.picture",
      { href: picture.url, target: "_blank", rel: "noopener", "aria-label": t("media.open", { name: picture.name }) },
      h("img", { src: picture.url, alt: picture.name }),
    ),
    pictures.length > 1 &&
      h(
        "div.strip",
        { role: "group", "aria-label": result.name },
        pictures.map((file, index) =>
          h(
            "button",
            {
              key: file.url,
              "aria-pressed": String(index === chosen),
              "aria-label": file.name,
              title: file.name,
              onclick: () => setChoice(`picture ${key}`, index),
            },
            h("img", { src: file.url, alt: "", loading: "lazy" }),
          ),
        ),
      ),
  ];
}

/** Return the scrubber: the picture under the mouse, or at the position of the slider. */
function renderSprites(key, result) {
  const vtt = result.files.find(({ role }) => role === "vtt");
  const loaded = getChoice(`cues ${vtt?.url}`, null);
  if (vtt && !cues.has(vtt.url)) cues.set(vtt.url, loadCues(vtt.url));
  if (!loaded?.length)
    return renderPictures(key, { ...result, files: result.files.filter(({ role }) => role !== "vtt") });
  const chosen = Math.min(getChoice(`cue ${key}`, 0), loaded.length - 1);
  const cue = loaded[chosen];
  const move = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * loaded.length);
    const next = Math.max(0, Math.min(loaded.length - 1, index));
    if (next !== chosen) setChoice(`cue ${key}`, next);
  };
  return h(
    "div.scrubber",
    { onpointermove: move },
    h(
      "svg.sprite",
      {
        viewBox: `0 0 ${cue.width} ${cue.height}`,
        role: "img",
        "aria-label": t("media.sprite", { time: position(cue.start) }),
      },
      // A window of one picture, which moves over the sheet.
      h(
        "svg",
        { width: cue.width, height: cue.height, viewBox: `${cue.x} ${cue.y} ${cue.width} ${cue.height}` },
        h("image", { key: cue.url, href: cue.url, width: cue.sheet.naturalWidth, height: cue.sheet.naturalHeight }),
      ),
    ),
    h("span.time", `${position(cue.start)} / ${position(loaded.at(-1).end)}`),
    h("input", {
      type: "range",
      min: 0,
      max: loaded.length - 1,
      value: String(chosen),
      "aria-label": t("media.scrub"),
      "aria-valuetext": position(cue.start),
      oninput: (event) => setChoice(`cue ${key}`, Number(event.target.value)),
    }),
  );
}

async function loadCues(url) {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(String(response.status));
    const found = parseCues(await response.text(), new URL(url, location.href));
    const sheets = new Map();
    for (const cue of found) {
      if (!sheets.has(cue.url)) sheets.set(cue.url, Object.assign(new Image(), { src: cue.url }));
      cue.sheet = sheets.get(cue.url);
    }
    await Promise.all([...sheets.values()].map((sheet) => sheet.decode()));
    setChoice(`cues ${url}`, found);
  } catch (error) {
    showToast(`${url}: ${error.message}`, "error");
    setChoice(`cues ${url}`, []); // the sheets themselves remain visible
  }
}

/** Return the cues of a WebVTT file whose texts are `sheet.jpg#xywh=x,y,width,height`. */
export function parseCues(text, base) {
  const found = [];
  for (const block of text.split(/\r?\n\r?\n/)) {
    const times = /([\d:.]+)\s+-->\s+([\d:.]+)/.exec(block);
    const place = /^(\S+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)/m.exec(block);
    if (!times || !place) continue;
    const [x, y, width, height] = place.slice(2).map(Number);
    found.push({
      start: parseTime(times[1]),
      end: parseTime(times[2]),
      url: new URL(place[1], base).pathname,
      x,
      y,
      width,
      height,
    });
  }
  return found;
}

const parseTime = (text) => text.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0);

function renderData(key, result) {
  const { Suggestion, Confidence } = result.output || {};
  return h(
    "div.data",
    Suggestion
      ? [
          h("strong", { class: `suggestion ${Suggestion}` }, Suggestion),
          Confidence != null && h("span.muted", t("media.confidence", { n: Confidence })),
        ]
      : result.output
        ? renderTree(`data ${key}`, result.output, "Output")
        : icon("file"),
  );
}
