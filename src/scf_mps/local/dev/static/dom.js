// Virtual nodes, and the update of the page that changes only differences: players keep playing, focus stays.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "open", "muted"]);
const nodeData = new WeakMap(); // DOM node -> the virtual node it shows

/**
 * Return a virtual node: h("p.muted.small", { title }, ...children). Properties may be omitted.
 * `key` identifies it among its siblings, `mount(element)` runs once.
 */
export function h(selector, ...children) {
  const [tag, ...classes] = selector.split(".");
  const props = children[0]?.constructor === Object && !children[0].tag ? { ...children.shift() } : {};
  if (classes.length) props.class = [...classes, props.class].filter(Boolean).join(" ");
  return { tag, props, children: clean(children) };
}

const clean = (nodes) =>
  [nodes].flat(Infinity).filter((node) => node != null && node !== false && node !== true && node !== "");

/** Return the cached virtual node while `inputs` are the same. An unchanged virtual node is not compared. */
export function memo(cache, key, inputs, build) {
  const entry = cache.get(key);
  if (entry && entry.inputs.every((value, index) => value === inputs[index])) return entry.node;
  const node = build();
  cache.set(key, { inputs, node });
  return node;
}

const getId = (node) => (typeof node === "object" ? `${node.tag} ${node.props.key ?? ""}` : "#text");

/** Show the virtual nodes as the children of an element. */
export function patch(parent, nodes) {
  const list = clean(nodes);
  const old = new Map();
  for (const node of parent.childNodes) {
    const id = nodeData.has(node) ? getId(nodeData.get(node)) : "#foreign";
    if (!old.has(id)) old.set(id, []);
    old.get(id).push(node);
  }
  const matches = list.map((node) => old.get(getId(node))?.shift());
  const kept = new Set(matches);
  // Remove first: then the remaining nodes need no move, which would stop a player.
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
  let cursor = parent.firstChild;
  list.forEach((node, index) => {
    let element = matches[index];
    if (element) update(element, node);
    else element = create(node, parent);
    if (element === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(element, cursor);
  });
}

function create(node, parent) {
  if (typeof node !== "object") {
    const text = document.createTextNode(String(node));
    nodeData.set(text, String(node));
    return text;
  }
  const isSvg = node.tag === "svg" || parent.namespaceURI === SVG;
  const element = isSvg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  // Children first: a select accepts its value once it has options.
  patch(element, node.children);
  setProps(element, {}, node.props);
  nodeData.set(element, node);
  node.props.mount?.(element);
  return element;
}

function update(element, node) {
  const before = nodeData.get(element);
  if (before === node) return;
  nodeData.set(element, typeof node === "object" ? node : String(node));
  if (typeof node !== "object") {
    if (element.data !== String(node)) element.data = String(node);
    return;
  }
  patch(element, node.children);
  setProps(element, before.props, node.props);
}

function setProps(element, before, props) {
  for (const name of Object.keys({ ...before, ...props })) {
    const value = props[name];
    if (name === "key" || name === "mount") continue;
    if (PROPERTIES.has(name)) {
      if (value !== undefined && element[name] !== value) element[name] = value;
    } else if (before[name] === value) continue;
    else if (name.startsWith("on")) element[name] = value ?? null;
    else if (name === "style") setStyle(element, value || {});
    else if (value == null || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

function setStyle(element, styles) {
  // Through the object model: the page's policy forbids style attributes.
  for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
}
