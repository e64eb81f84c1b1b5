"use strict";
// Draws openapi.json. Text only ever enters the page as text.
const el = (tag, props = {}, ...children) => {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children);
  return e;
};
const byId = (id) => document.getElementById(id);

// prose turns the document's `code` spans into elements.
const prose = (text) => (text || "").split("`").map((part, i) => (i % 2 ? el("code", { textContent: part }) : part));

function resolve(doc, schema) {
  if (!schema || !schema.$ref) return schema || {};
  return doc.components.schemas[schema.$ref.split("/").pop()] || {};
}

function typeOf(doc, schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf) return schema.oneOf.map((s) => typeOf(doc, s)).join(" or ");
  const type = [].concat(schema.type || "any").join(" or ");
  if (type.startsWith("array")) return "list of " + typeOf(doc, schema.items);
  if (schema.enum) return schema.enum.join(", ");
  return schema.format ? type + " (" + schema.format + ")" : type;
}

function table(rows) {
  const body = el("tbody");
  for (const [name, must, type, text] of rows) {
    body.append(el("tr", {}, el("td", { className: must ? "must" : "", textContent: name }),
      el("td", { textContent: type }), el("td", { textContent: text || "" })));
  }
  return el("table", {}, body);
}

function fields(doc, schema, prefix = "", depth = 0) {
  const s = resolve(doc, schema);
  const must = new Set(s.required || []);
  return Object.entries(s.properties || {}).flatMap(([name, p]) => {
    const row = [prefix + name, must.has(name), typeOf(doc, p), p.description];
    const inner = p.$ref && depth < 3 ? fields(doc, p, prefix + name + ".", depth + 1) : [];
    return [row, ...inner];
  });
}

function body(doc, title, content) {
  return Object.entries(content || {}).flatMap(([media, c]) => {
    const out = [el("h3", { textContent: title + " · " + media })];
    const rows = fields(doc, c.schema);
    if (rows.length) out.push(table(rows));
    if (c.example !== undefined) {
      out.push(el("pre", { textContent: typeof c.example === "string" ? c.example : JSON.stringify(c.example, null, 2) }));
    }
    return out;
  });
}

function problems(op) {
  const rows = [];
  for (const [status, r] of Object.entries(op.responses || {})) {
    const c = (r.content || {})["application/problem+json"];
    for (const [kind, e] of Object.entries((c && c.examples) || {})) {
      rows.push([kind, false, status, [e.value.title, e.summary].filter(Boolean).join(". ")]);
    }
  }
  return rows.length ? [el("h3", { textContent: "Problems" }), table(rows)] : [];
}

function operation(doc, method, path, op) {
  const inner = el("div", {}, el("p", {}, ...prose(op.description)));
  const scheme = Object.keys((op.security || [{}])[0] || {})[0];
  if (scheme) inner.append(el("p", { textContent: "Authorization: " + doc.components.securitySchemes[scheme].description }));
  if (op.parameters) {
    inner.append(el("h3", { textContent: "Parameters" }),
      table(op.parameters.map((p) => [p.name, p.required, p.in + ", " + typeOf(doc, p.schema), p.description])));
  }
  if (op.requestBody) inner.append(...body(doc, "Body", op.requestBody.content));
  for (const [status, r] of Object.entries(op.responses || {})) {
    if (status < "300") inner.append(...body(doc, status, r.content));
  }
  inner.append(...problems(op));
  const d = el("details", { id: op.operationId },
    el("summary", {}, el("span", { className: "method", textContent: method.toUpperCase() }),
      el("span", { className: "path", textContent: path }), el("span", { className: "sum", textContent: op.summary || "" })), inner);
  return d;
}

function draw(doc) {
  byId("about").append(...prose(doc.info.description));
  const main = byId("main");
  const links = el("ul");
  main.replaceChildren();
  for (const tag of doc.tags) {
    main.append(el("h2", { textContent: tag.name }), el("p", {}, ...prose(tag.description)));
    for (const [path, item] of Object.entries(doc.paths)) {
      for (const [method, op] of Object.entries(item)) {
        if (!(op.tags || []).includes(tag.name)) continue;
        main.append(operation(doc, method, path, op));
        links.append(el("li", {}, el("a", { href: "#" + op.operationId, textContent: op.summary })));
      }
    }
  }
  byId("nav").append(links);
  const show = () => {
    const d = byId(location.hash.slice(1));
    if (d) { d.open = true; d.scrollIntoView(); }
  };
  addEventListener("hashchange", show);
  show();
}

fetch("/openapi.json").then((r) => r.json()).then(draw, () => {
  byId("wait").textContent = "The document could not be loaded.";
});
