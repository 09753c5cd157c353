// The Markdown of chat messages as virtual nodes: headings, quotes, lists, tables, bold, code, links and pictures.

import { h } from "./dom.js";

const INLINE =
  /\\([!-/:-@[-`{-~])|!\[((?:\\.|[^\]\\])*)\]\(([^)\s]+)\)|\[((?:\\.|[^\]\\])*)\]\(([^)\s]+)\)|\*\*(.+?)\*\*|`([^`]+)`/g;
const COS_HOST = /^https?:\/\/([a-z0-9-]+)\.cos\.([a-z0-9-]+)\.myqcloud\.com\/([^?#]*)/;

/** Return the URL of an object on this server, or the URL itself. Pages may not load pictures of other hosts. */
export function localize(url) {
  const object = COS_HOST.exec(url);
  return object ? `/cos/${object[1]}/${object[2]}/${object[3]}` : url;
}

/** Return a link, if its URL is one of http. */
export function renderLink(url, ...children) {
  if (!/^(https?:\/\/|\/)/.test(url)) return children;
  return h("a", { href: localize(url), target: "_blank", rel: "noopener noreferrer", title: url }, children);
}

/** Return a picture of this server, or a link to another one. */
export function renderPicture(url, name) {
  const local = localize(url);
  return local.startsWith("/")
    ? renderLink(url, h("img", { src: local, alt: name, loading: "lazy" }))
    : renderLink(url, name || url);
}

/** Return a line of text with its markup. */
export function renderInline(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const [, escaped, alt, image, label, url, bold, code] = match;
    if (escaped) nodes.push(escaped);
    else if (image) nodes.push(renderPicture(image, unescape(alt)));
    else if (url) nodes.push(renderLink(url, renderInline(label)));
    else if (bold) nodes.push(h("strong", renderInline(bold)));
    else nodes.push(h("code", code));
  }
  return [...nodes, text.slice(end)];
}

const unescape = (text) => text.replace(/\\(.)/g, "$1");

/** Return the blocks of a text. */
export function renderMarkdown(text) {
  const blocks = [];
  const lines = text.split("\n");
  while (lines.length) {
    const line = lines.shift();
    const heading = /^#{1,6}\s+(.*)/.exec(line);
    if (heading) blocks.push(h("h2", renderInline(heading[1])));
    else if (/^\s*>/.test(line))
      blocks.push(
        h(
          "blockquote",
          [line, ...take(lines, /^\s*>/)].map((item) => h("p", renderInline(item.replace(/^\s*>\s?/, "")))),
        ),
      );
    else if (/^\s*[-*]\s/.test(line))
      blocks.push(
        h(
          "ul",
          [line, ...take(lines, /^\s*[-*]\s/)].map((item) => h("li", renderInline(item.replace(/^\s*[-*]\s/, "")))),
        ),
      );
    else if (/^\|/.test(line)) blocks.push(renderTable([line, ...take(lines, /^\|/)]));
    else if (line.trim()) blocks.push(h("p", renderInline(line)));
  }
  return blocks;
}

function take(lines, pattern) {
  const end = lines.findIndex((line) => !pattern.test(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}

function renderTable(lines) {
  const rows = lines
    .filter((line) => !/^\|[\s:|-]+\|$/.test(line))
    .map((line) => line.replace(/^\||\|\s*$/g, "").split(/(?<!\\)\|/));
  const [head, ...body] = rows;
  const render = (tag, cells) =>
    h(
      "tr",
      cells.map((cell) => h(tag, null, renderInline(cell.trim()))),
    );
  return h(
    "div.scroll",
    h(
      "table",
      h("thead", render("th", head)),
      h(
        "tbody",
        body.map((cells) => render("td", cells)),
      ),
    ),
  );
}
