
"use strict";
// All text from outside goes through textContent: nothing that a message says is ever parsed as HTML.
const $ = (id) => document.getElementById(id);
const KEEP = 2000, SHOWN = 200;
const messages = new Map(); // sid -> message, in order of arrival
const unread = new Set();
let open = null, drawing = false;

function el(tag, cls, text) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
}
const phoneOf = (m) => (m.direction === "inbound" ? m.from : m.to);
const clock = (m) => new Date(m.date_created).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
// Six digits, alone: not six of a phone number, even one that is written in groups.
const codeIn = (text) => (text.match(/(?<![\d+][ -]?)\d{3}[ -]?\d{3}(?![ -]?\d)/) || [null])[0];

function pretty(n) {
  const m = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(n);
  return m ? `+1 ${m[1]} ${m[2]} ${m[3]}` : n;
}

function put(m) {
  const fresh = !messages.has(m.sid);
  messages.set(m.sid, m);
  if (messages.size > KEEP) messages.delete(messages.keys().next().value);
  if (fresh && m.direction !== "inbound" && phoneOf(m) !== open) unread.add(phoneOf(m));
  draw();
}

// draw runs once a frame however many texts arrive.
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; drawList(); drawThread(); });
}

function drawList() {
  const last = new Map();
  const want = $("search").value.trim().toLowerCase().replace(/(?<=\d)[ -](?=\d)/g, "");
  for (const m of messages.values()) {
    const p = phoneOf(m);
    if (want && !p.includes(want) && !m.body.toLowerCase().includes(want)) continue;
    last.delete(p);
    last.set(p, m);
  }
  const rows = [...last].reverse().slice(0, SHOWN).map(([phone, m]) => {
    const b = el("button", "chat");
    b.type = "button";
    b.setAttribute("aria-current", String(phone === open));
    b.append(el("span", "face", phone.slice(-2)), el("b", "", pretty(phone)), el("time", "", clock(m)),
      el("span", "last", (m.direction === "inbound" ? "You: " : "") + m.body));
    if (unread.has(phone)) b.append(el("span", "new"));
    b.addEventListener("click", () => show(phone));
    const li = el("li");
    li.append(b);
    return li;
  });
  $("chats").replaceChildren(...rows);
  $("empty").hidden = rows.length > 0;
}

function drawThread() {
  $("thread").hidden = !open;
  $("nothing").hidden = !!open;
  if (!open) return;
  const mine = [...messages.values()].filter((m) => phoneOf(m) === open).slice(-SHOWN);
  const box = $("bubbles");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  box.replaceChildren(...mine.map(bubble));
  if (atEnd) box.scrollTop = box.scrollHeight;
  const texts = mine.filter((m) => m.direction !== "inbound");
  const last = texts[texts.length - 1];
  $("who").textContent = pretty(open);
  $("via").textContent = last && last.from ? "talks to " + pretty(last.from) : "";
  const code = last && codeIn(last.body);
  $("chips").replaceChildren(...[...(code ? [code] : []), "K", "C", "1", "STOP", "START"].map(chip));
}

function bubble(m) {
  const mine = m.direction === "inbound";
  const bad = ["failed", "undelivered", "canceled"].includes(m.status);
  const li = el("li", "msg" + (mine ? " mine" : "") + (bad ? " bad" : ""));
  const b = el("div", "bubble");
  const code = mine ? null : codeIn(m.body);
  if (code) {
    const at = m.body.indexOf(code);
    const c = el("button", "code", code);
    c.type = "button";
    c.title = "Copy";
    c.addEventListener("click", () => copy(code.replace(/\D/g, ""), c));
    b.append(m.body.slice(0, at), c, m.body.slice(at + code.length));
  } else {
    b.textContent = m.body;
  }
  li.append(b, el("div", "meta", `${clock(m)} · ${m.status}${m.error_code ? " " + m.error_code : ""}`));
  return li;
}

function chip(text) {
  const b = el("button", "chip", text);
  b.type = "button";
  b.addEventListener("click", () => reply(text));
  return b;
}

async function copy(text, at) {
  try {
    await navigator.clipboard.writeText(text);
    say($("result"), `Copied ${text}`);
  } catch { // no clipboard off localhost without TLS: at least select it
    getSelection().selectAllChildren(at);
    say($("result"), "Press Ctrl+C to copy");
  }
}

function show(phone) {
  open = phone;
  unread.delete(phone);
  $("phone").dataset.view = "thread";
  say($("result"), "");
  $("text").value = "";
  drawList();
  drawThread();
  $("bubbles").scrollTop = $("bubbles").scrollHeight;
  if (matchMedia("(min-width: 621px)").matches) $("text").focus();
}

function say(where, text, bad) {
  where.textContent = text;
  where.classList.toggle("bad", !!bad);
}

async function call(method, path, body) {
  const res = await fetch(path, { method, body: body && JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {} });
  const data = res.status === 204 ? {} : await res.json();
  if (!res.ok) throw new Error(data.error || `HTTP ${res.status}`);
  return data;
}

async function reply(text) {
  say($("result"), "Sending…");
  try {
    const r = await call("POST", "/_sim/inbound", { from: open, body: text });
    const bad = r.status >= 300;
    say($("result"), `Webhook answered ${r.status}` + (r.reply ? " with a text" : ""), bad);
    return !bad;
  } catch (e) {
    say($("result"), e.message, true);
    return false;
  }
}

const number = (id) => {
  const e = $(id);
  return e.closest("[hidden]") || e.value.trim() === "" ? 0 : Number(e.value);
};

function drawFields() {
  for (const l of document.querySelectorAll("[data-for]")) l.hidden = !l.dataset.for.split(" ").includes($("do").value);
}

async function loadFaults() {
  const { faults } = await call("GET", "/_sim/faults");
  $("norules").hidden = faults.length > 0;
  $("rules").replaceChildren(...faults.map((f) => {
    const spent = (f.times > 0 && f.fired >= f.times) || (f.match.nth > 0 && f.fired > 0);
    const li = el("li", "rule" + (spent ? " spent" : ""));
    const what = [f.do.replaceAll("_", " "), f.code, f.status && `HTTP ${f.status}`, f.ms && `${f.ms} ms`].filter(Boolean).join(" · ");
    const who = f.match.to ? pretty(f.match.to) : f.match.account_sid ? f.match.account_sid.slice(0, 8) + "…" : "any phone";
    li.append(el("b", "", what), `${who}${f.match.nth ? `, only no. ${f.match.nth}` : ""} · fired ${f.fired}${f.times ? ` of ${f.times}` : ""}`);
    return li;
  }));
}

async function loadMessages() {
  const data = await call("GET", `/_sim/messages?all=1&limit=${KEEP}`);
  messages.clear();
  for (const m of data.messages) messages.set(m.sid, m);
  draw();
}

// Several changes of the rules in a burst are read once.
let faultTimer = 0;
function soonFaults() {
  if (!faultTimer) faultTimer = setTimeout(() => { faultTimer = 0; loadFaults().catch(() => {}); }, 100);
}

function connect() {
  const es = new EventSource("/_sim/events");
  es.onopen = () => {
    $("live").textContent = "live";
    $("live").classList.add("on");
    loadMessages().catch(() => {});
    soonFaults();
  };
  es.onerror = () => { $("live").textContent = "reconnecting"; $("live").classList.remove("on"); };
  es.addEventListener("message", (e) => put(JSON.parse(e.data)));
  es.addEventListener("cleared", () => { messages.clear(); unread.clear(); open = null; $("phone").dataset.view = "list"; draw(); });
  es.addEventListener("faults", soonFaults);
}

$("search").addEventListener("input", draw);
$("back").addEventListener("click", () => { open = null; $("phone").dataset.view = "list"; draw(); });
$("do").addEventListener("change", drawFields);
$("compose").addEventListener("submit", async (e) => {
  e.preventDefault();
  const text = $("text").value;
  if (text.trim() && await reply(text)) $("text").value = "";
});
$("clear").addEventListener("click", () => call("DELETE", "/_sim/faults").catch((e) => say($("f-result"), e.message, true)));
$("fault").addEventListener("submit", async (e) => {
  e.preventDefault();
  const rule = {
    match: { to: $("f-to").value.replace(/[ ()-]/g, ""), nth: number("f-nth") }, do: $("do").value,
    times: number("f-times"), code: number("f-code"), status: number("f-status"), ms: number("f-ms"),
  };
  try {
    await call("POST", "/_sim/faults", rule);
    say($("f-result"), "");
  } catch (err) {
    say($("f-result"), err.message, true);
  }
});
drawFields();
draw();
connect();
