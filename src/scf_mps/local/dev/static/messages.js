// Sent messages as people see them, with their raw bodies.

import { h } from "./dom.js";
import { clock } from "./format.js";
import { icon } from "./icons.js";
import { renderInline, renderLink, renderMarkdown, renderPicture } from "./markdown.js";
import { getChoice, setChoice } from "./state.js";
import { t } from "./texts.js";
import { renderTree } from "./tree.js";

const VIEWS = {
  wecom: ({ raw }) => raw.markdown_v2?.content && renderMarkdown(raw.markdown_v2.content),
  dingtalk: ({ raw }) => raw.markdown?.text && renderMarkdown(raw.markdown.text),
  feishu: ({ raw }) => renderPost(Object.values(raw.content?.post || raw.card || {})[0]),
  slack: ({ raw }) => raw.blocks?.map((block, index) => h("div", { key: index }, renderBlock(block))),
  mail: (message) => [
    h(
      "dl.mail-head",
      ["from", "to", "subject"].map(
        (name) =>
          message.raw[name] && h("div", { key: name }, h("dt", t(`mail.${name}`)), h("dd", String(message.raw[name]))),
      ),
    ),
    h("pre", message.raw.text || message.text),
  ],
};

/** Return the messages of a task. */
export function renderMessages(task) {
  if (!task.messages?.length)
    return h("div.blank-panel", h("p", t("messages.none")), h("pre.code.mono", "MPS_NOTIFY=wecom://KEY"));
  return h(
    "div.messages",
    task.messages.map((message, index) => renderMessage(`${task.id} ${index}`, message)),
  );
}

function renderMessage(key, message) {
  const raw = getChoice(`raw ${key}`, false);
  const name = t(`channel.${message.channel}`);
  return h(
    "article",
    { key, class: `message ${message.channel}`, "aria-label": name },
    h(
      "header",
      h("span.avatar", { "aria-hidden": "true" }, name.slice(0, 1)),
      h("strong", name),
      h("span.muted", clock(message.at)),
      h("span.space"),
      h(
        "button.quiet.small",
        { "aria-pressed": String(raw), onclick: () => setChoice(`raw ${key}`, !raw) },
        icon("code"),
        t("messages.raw"),
      ),
    ),
    h(
      "div",
      { class: `message-body${raw ? " split" : ""}` },
      h("div.bubble", renderBody(message)),
      raw && h("div.raw", renderTree(`raw ${key}`, message.raw)),
    ),
  );
}

function renderBody(message) {
  const body = message.raw && VIEWS[message.channel]?.(message);
  if (body && (!Array.isArray(body) || body.length)) return body;
  return [message.title && h("h2", message.title), h("pre", message.text)];
}

function renderPost(post) {
  if (!post) return null;
  return [
    h("h2", post.title),
    post.content?.map((paragraph, index) =>
      h(
        "p",
        { key: index },
        paragraph.map((item) => (item.tag === "a" ? renderLink(item.href, item.text) : item.text)),
      ),
    ),
  ];
}

function renderBlock(block) {
  if (block.type === "header") return h("h2", block.text.text);
  if (block.type === "image") return renderPicture(block.image_url, block.alt_text);
  if (block.type === "divider") return h("hr");
  if (block.elements) return h("div.rich", block.elements.map(renderElement));
  return h("p", renderText(block.text || ""));
}

function renderElement(element) {
  if (element.elements) return h("p", element.elements.map(renderElement));
  if (element.type === "link") return renderLink(element.url, element.text || element.url);
  const text = element.text?.text ?? element.text ?? "";
  return element.style?.bold ? h("strong", text) : text;
}

// Slack's own markup: *bold* and <url|text>.
const renderText = ({ text = "" }) =>
  renderInline(text.replace(/<(https?:[^|>]+)\|([^>]+)>/g, "[$2]($1)").replace(/\*([^*\n]+)\*/g, "**$1**"));
