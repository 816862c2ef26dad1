(function () {
  "use strict";
  const token = new URLSearchParams(location.search).get("token") || "";
  const SHOWN = 500;
  // Columns whose values `explain` and `timeline` accept.
  const NAMES = new Set(["id", "task", "service", "deployment", "run", "job", "submission", "container_instance", "family"]);

  const byId = (id) => document.getElementById(id);

  // Characters that would be invisible or change the direction of text, as escapes; text of records can hold anything.
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
  const visible = (text) => text.replace(HIDDEN, (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");

  // An element; everything that is given as text stays text.
  function element(name, options, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(options || {})) {
      if (key === "text") made.textContent = visible(String(value));
      else if (key === "click") made.addEventListener("click", value);
      else if (key === "class") made.className = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  function show(pre, text) {
    pre.textContent = visible(text || "").trimEnd();
    pre.hidden = !pre.textContent;
  }

  // A request; errors of the server, of the network and of the command all become `error`.
  async function call(path, options) {
    const { body, signal } = options || {};
    const headers = { "X-Token": token };
    if (body) headers["Content-Type"] = "application/json";
    let text = "", status = 0;
    try {
      const response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
      status = response.status;
      text = await response.text();
      const value = JSON.parse(text);
      return status === 200 ? value : { error: value.error || "error: status " + status };
    } catch (problem) {
      if (problem.name === "AbortError") return null;
      if (status) return { error: "error: " + (text.trim() || "status " + status) };
      return { error: "error: the server does not answer; is `ecs-audit serve` still running?" };
    }
  }

  // Whether relative times count from the clock instead of the newest event: in queries, incidents and the report.
  const fromNow = () => byId("now").checked;

  const get = (path, parameters, signal) => call(path + "?" + new URLSearchParams(parameters || {}), { signal });

  // At most one request of a kind; a newer one cancels the older, which ends its command.
  function latest() {
    let running = null;
    return {
      start() {
        if (running) running.abort();
        running = new AbortController();
        return running.signal;
      },
      stop() { if (running) running.abort(); },
    };
  }

  // Values

  function duration(seconds) {
    const sign = seconds < 0 ? "-" : "";
    let rest = Math.abs(seconds);
    if (rest < 60) return sign + (rest % 1 ? rest.toFixed(rest < 10 ? 2 : 1) : rest) + "s";
    const parts = [];
    for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
      const count = Math.floor(rest / size);
      rest -= count * size;
      if (count && parts.length < 2) parts.push(count + unit);
    }
    return sign + parts.join(" ");
  }

  function shown(value, type) {
    if (value === null || value === undefined || value === "") return "—";
    if (type === "duration" && typeof value === "number") return duration(value);
    if (type === "share" && typeof value === "number") return (value * 100).toFixed(1) + " %";
    if (typeof value === "number") return type === "float" ? String(Math.round(value * 1000) / 1000) : String(value);
    if (Array.isArray(value)) return value.map((item) => shown(item)).join(", ");
    if (typeof value === "object") return JSON.stringify(value);
    return String(value);
  }

  const numeric = (type) => ["int", "float", "share", "duration"].includes(type);

  // Ids such as UUIDs and ids of tasks. Their beginning distinguishes them; the whole id is in the title.
  const LONG_ID = /^(?:[\w-]+\/)?([0-9a-f]{8})[0-9a-f-]{11,}(#\d+)?$/i;
  function shortened(text) {
    const found = LONG_ID.exec(text);
    return found ? found[1] + "…" + (found[2] || "") : text;
  }

  // Several failures of one record have its id and a number.
  const recordOf = (id) => String(id).replace(/#\d+$/, "");

  // Details: an explanation, a timeline, a record, the report

  const detail = latest();

  function frame(html) {
    const made = element("iframe", { title: "details" });
    // No script, no form, no link to the top; the document cannot reach this page.
    made.setAttribute("sandbox", "");
    made.srcdoc = html;
    return made;
  }

  // The report has a script that sorts and filters its tables; it runs in an origin of its own, under the policy of its document.
  function reportFrame(address) {
    const made = element("iframe", { title: "report" });
    made.setAttribute("sandbox", "allow-scripts");
    made.src = address;
    return made;
  }

  async function view(path, parameters, buttons, chosen) {
    for (const button of buttons) button.setAttribute("aria-selected", String(button === chosen));
    const body = byId("detail-body");
    body.setAttribute("aria-busy", "true");
    const answer = await get(path, parameters, detail.start());
    if (!answer) return;
    body.setAttribute("aria-busy", "false");
    body.replaceChildren();
    show(byId("detail-notes"), answer.notes);
    if (answer.error) body.append(element("pre", { text: answer.error, role: "alert" }));
    else if (answer.page !== undefined) body.append(reportFrame(answer.page));
    else if (answer.html !== undefined) body.append(frame(answer.html));
    else if (answer.answer) body.append(table(answer.answer, false));
    else body.append(element("pre", { text: answer.text }));
    if (answer.html !== undefined && !answer.error) {
      const save = () => download(answer.html, "text/html", path.split("/").pop() + ".html");
      byId("detail-notes").hidden = false;
      byId("detail-notes").append(byId("detail-notes").textContent ? "\n" : "", element("button", { type: "button", text: "Save this page", click: save }));
    }
  }

  function details(title, views, first) {
    const section = byId("detail");
    section.hidden = false;
    byId("detail-title").textContent = visible(title);
    const tabs = byId("views");
    const buttons = views.map(([name]) => element("button", { type: "button", role: "tab", text: name }));
    views.forEach(([, path, parameters], index) => {
      buttons[index].addEventListener("click", () => view(path, parameters, buttons, buttons[index]));
    });
    tabs.replaceChildren(...buttons);
    tabs.hidden = buttons.length < 2;
    buttons[first || 0].click();
    section.scrollIntoView({ block: "start" });
  }

  // `first` is the view that is shown: 0 = explain, 1 = timeline, 2 = record. Computed rows have no record of their own, but records behind
  // them, of which `record` is the first.
  function about(name, first, record) {
    const views = [["Explain", "/api/explain", { id: name }], ["Timeline", "/api/timeline", { id: name }], ["Record", "/api/record", { id: record || name }]];
    details(name, views, first);
  }

  byId("close").addEventListener("click", () => { detail.stop(); byId("detail").hidden = true; });
  byId("open-report").addEventListener("click", () => {
    const window = byId("window").value.trim();
    details("Report " + window, [["Report", "/api/report", { window, now: fromNow() }]]);
  });
  byId("open-fields").addEventListener("click", async () => {
    const nouns = await get("/api/fields");
    if (!nouns || nouns.error) return show(byId("error"), nouns && nouns.error);
    const names = nouns.answer.rows.map((row) => row.noun);
    details("Nouns and fields", [["nouns", "/api/fields", {}]].concat(names.map((noun) => [noun, "/api/fields", { noun }])));
  });

  function download(text, type, name) {
    const link = document.createElement("a");
    link.download = name;
    link.href = URL.createObjectURL(new Blob([text], { type: type + ";charset=utf-8" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // Tables

  function cell(value, column, row) {
    const text = shown(value, column.type);
    if (column.name === "evidence" && Array.isArray(value)) {
      const ids = value.map((id) => element("button", { type: "button", class: "name mono", text: shortened(String(id)), title: visible(String(id)), click: () => about(String(id), 2) }));
      const listed = (some) => some.flatMap((id) => [id, " "]);
      if (ids.length <= 3) return element("td", {}, ...listed(ids));
      const more = element("details", {}, element("summary", { text: (ids.length - 2) + " more" }), ...listed(ids.slice(2)));
      return element("td", {}, ...listed(ids.slice(0, 2)), more);
    }
    if (NAMES.has(column.name) && typeof value === "string" && value) {
      const short = shortened(text), look = short === text ? { class: "name" } : { class: "name mono", title: visible(text) };
      return element("td", {}, element("button", { type: "button", ...look, text: short, click: () => about(value, 0) }));
    }
    // A time is one word that may break between day and hour only.
    if (column.type === "time") return element("td", { class: "time", text: text.replace("T", " ") });
    return element("td", numeric(column.type) ? { class: "n", text } : { text });
  }

  // The name by which a row is explained: its id, or the first record behind it.
  const handle = (row) => row.id || (Array.isArray(row.evidence) ? row.evidence[0] : undefined);

  // The record of a row: its own, if that is among its evidence, else the first.
  const behind = (row) => {
    const records = Array.isArray(row.evidence) ? row.evidence.map(String) : [];
    const own = row.id ? recordOf(row.id) : undefined;
    return records.includes(own) ? own : records[0];
  };

  function table(answer, actions) {
    const acts = actions && answer.rows.some(handle);
    const head = element("tr", {});
    if (acts) head.append(element("th", { scope: "col", text: "" }));
    // Rows of single records repeat their id as their evidence.
    const repeated = answer.rows.every((row) => row.id && Array.isArray(row.evidence) && row.evidence.every((id) => id === recordOf(row.id)));
    const columns = answer.columns.filter((column) => !repeated || column.name !== "evidence");
    for (const column of columns) {
      head.append(element("th", { scope: "col", class: numeric(column.type) ? "n" : "", text: column.name }));
    }
    const body = element("tbody");
    let next = 0;
    const more = element("button", { type: "button" });
    function add() {
      for (const row of answer.rows.slice(next, next + SHOWN)) {
        const line = element("tr");
        if (acts) {
          const name = handle(row);
          const buttons = name === undefined ? [] : ["explain", "timeline", "record"].map((word, index) =>
            element("button", { type: "button", text: word, click: () => about(String(name), index, behind(row)) }));
          line.append(element("td", { class: "acts" }, ...buttons));
        }
        for (const column of columns) line.append(cell(row[column.name], column, row));
        body.append(line);
      }
      next = Math.min(next + SHOWN, answer.rows.length);
      more.textContent = "Show more (" + next + " of " + answer.rows.length + ")";
      more.hidden = next >= answer.rows.length;
    }
    more.addEventListener("click", add);
    add();
    return element("div", {}, element("table", {}, element("thead", {}, head), body), more);
  }

  // Heat strips

  const SVG = "http://www.w3.org/2000/svg";
  function drawn(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = visible(String(text));
    return made;
  }

  // The cells of a strip: columns are time steps, or the hours of a week; rows are groups.
  function cells(answer) {
    const names = answer.columns.map((column) => column.name);
    const measure = answer.columns.findIndex((column, index) => numeric(column.type) && !/^(weekday|hour)_/.test(names[index]));
    if (measure < 1) return null;
    const keys = names.slice(0, measure), value = (row) => Number(row[names[measure]]) || 0;
    if (/^weekday_/.test(keys[0]) && /^hour_/.test(keys[1] || "") && keys.length === 2) {
      const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
      return {
        measure: names[measure], columns: Array.from({ length: 24 }, (_, hour) => hour + ":00"), rows: days,
        cells: answer.rows.map((row) => [days[row[keys[0]] - 1], row[keys[1]] + ":00", value(row)]),
      };
    }
    if (answer.columns[0].type !== "time") return null;
    const group = (row) => keys.slice(1).map((key) => shown(row[key])).join(" · ") || names[measure];
    const found = answer.rows.map((row) => [group(row), String(row[keys[0]]), value(row)]);
    return {
      measure: names[measure], columns: Array.from(new Set(found.map((entry) => entry[1]))).sort(),
      rows: Array.from(new Set(found.map((entry) => entry[0]))), cells: found,
    };
  }

  function strip(answer) {
    const data = cells(answer);
    if (!data || !data.cells.length) {
      return element("p", { class: "soft", text: "A heat strip needs steps of time, such as `failures by reason every 1h since 2d`, or `failures by weekday(time), hour(time)`." });
    }
    const most = Math.max(...data.cells.map((entry) => entry[2])) || 1;
    const left = 190, size = Math.max(3, Math.min(28, Math.floor(760 / data.columns.length))), height = 22;
    const rows = data.rows.slice(0, 40);
    const width = left + size * data.columns.length + 60, total = height * (rows.length + 1) + 8;
    const made = drawn("svg", { viewBox: "0 0 " + width + " " + total, width, height: total, role: "img" });
    made.append(drawn("title", {}, data.measure + " over time; the largest value is " + most));
    const at = new Map(data.columns.map((column, index) => [column, index]));
    const level = new Map(data.cells.map(([row, column, value]) => [row + "\n" + column, value]));
    rows.forEach((row, index) => {
      const y = height * index;
      made.append(drawn("text", { x: 0, y: y + 15 }, row.length > 25 ? row.slice(0, 24) + "…" : row));
      for (const column of data.columns) {
        const value = level.get(row + "\n" + column) || 0;
        const place = { x: left + size * at.get(column), y: y + 1, width: size - (size > 6 ? 1 : 0), height: height - 2 };
        const rect = drawn("rect", value > 0 ? { ...place, class: "heat", "fill-opacity": 0.15 + 0.85 * value / most } : { ...place, class: "back" });
        rect.append(drawn("title", {}, row + ", " + column + ": " + value));
        made.append(rect);
      }
    });
    const y = height * rows.length + 16;
    made.append(drawn("text", { x: left, y }, data.columns[0]));
    if (data.columns.length > 1) {
      made.append(drawn("text", { x: left + size * data.columns.length, y, "text-anchor": "end" }, data.columns[data.columns.length - 1]));
    }
    const note = data.rows.length > rows.length ? "the first " + rows.length + " of " + data.rows.length + " groups" : data.measure + ", largest value " + most;
    return element("div", {}, made, element("p", { class: "soft small", text: note }));
  }

  // The query

  const asking = latest();
  const box = byId("query");
  const tabs = ["table", "chart", "strip"];
  let tab = "table", last = null;

  function question(format) {
    const set = {};
    // Parameters are those of a saved query.
    for (const input of byId("parameters").querySelectorAll("input")) {
      if (box.value.trim().startsWith("@") && input.value !== input.defaultValue) set[input.name] = input.value;
    }
    return { query: box.value, set, format, now: fromNow() };
  }

  function busy(on) {
    byId("answer").setAttribute("aria-busy", String(on));
    byId("stop").disabled = !on;
  }

  function present(answer) {
    const body = byId("answer");
    body.replaceChildren();
    show(byId("error"), answer.error);
    let notes = answer.notes || "";
    if (answer.cut) notes += "\nnote: the answer is too long for a page; these are its first rows, `limit 1000` asks for fewer";
    show(byId("notes"), notes);
    if (answer.error) return;
    if (tab === "chart") body.append(element("pre", { class: "chart", text: answer.text }));
    else if (!answer.answer) show(byId("error"), "error: the answer has no complete row; ask for fewer columns with `show`");
    else if (tab === "strip") body.append(strip(answer.answer));
    else body.append(table(answer.answer, true));
  }

  async function run() {
    if (!box.value.trim()) return;
    hide();
    const asked = question(tab === "chart" ? "chart" : "json"), signal = asking.start();
    history.replaceState(null, "", location.pathname + location.search + "#" + encodeURIComponent(box.value));
    busy(true);
    const answer = await call("/api/query", { body: asked, signal });
    if (!answer || signal.aborted) return;
    busy(false);
    if (tab !== "chart") last = answer.error ? null : { asked: JSON.stringify(asked), answer };
    byId("download").disabled = Boolean(answer.error);
    present(answer);
  }

  function select(name) {
    tab = name;
    for (const other of tabs) byId("tab-" + other).setAttribute("aria-selected", String(other === tab));
    // The table and the strip have the same rows.
    if (tab !== "chart" && last && last.asked === JSON.stringify(question("json"))) present(last.answer);
    else run();
  }

  for (const name of tabs) byId("tab-" + name).addEventListener("click", () => select(name));
  byId("query-form").addEventListener("submit", (event) => { event.preventDefault(); run(); });
  byId("stop").addEventListener("click", () => { asking.stop(); busy(false); });
  byId("download").addEventListener("click", async () => {
    const answer = await call("/api/query", { body: question("csv") });
    if (!answer || answer.error) return show(byId("error"), answer && answer.error);
    if (answer.cut) show(byId("notes"), "note: the file has only the beginning of the answer; `ecs-audit query --out answer.csv` writes all of it");
    download(answer.text, "text/csv", "answer.csv");
  });

  // Completion

  const completing = latest();
  const list = byId("candidates");
  let candidates = [], start = 0, chosen = -1, timer = 0;

  function hide() {
    clearTimeout(timer);
    completing.stop();
    list.hidden = true;
    candidates = [];
    chosen = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }

  function choose(index) {
    chosen = (index + candidates.length) % candidates.length;
    Array.from(list.children).forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    box.setAttribute("aria-activedescendant", "candidate-" + chosen);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  }

  function accept(index) {
    const text = candidates[index].text, open = /[(.]$/.test(text);
    box.setRangeText(open ? text : text + " ", start, box.selectionStart, "end");
    hide();
    box.focus();
    ask();
  }

  function ask() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const at = box.selectionStart;
      const found = await get("/api/complete", { text: box.value.slice(0, at), at }, completing.start());
      if (!found || found.error || at !== box.selectionStart || document.activeElement !== box) return;
      candidates = found.candidates.slice(0, 60);
      start = found.start;
      chosen = -1;
      const typed = box.value.slice(start, at);
      const done = candidates.length === 1 && candidates[0].text === typed;
      list.replaceChildren(...candidates.map((candidate, index) => {
        const item = element("li", { role: "option", id: "candidate-" + index, "aria-selected": "false" },
          element("span", { class: "mono", text: candidate.text }), element("span", { class: "soft small", text: candidate.doc }));
        item.addEventListener("mousedown", (event) => { event.preventDefault(); accept(index); });
        return item;
      }));
      list.hidden = !candidates.length || done;
      box.setAttribute("aria-expanded", String(!list.hidden));
    }, 90);
  }

  box.addEventListener("input", ask);
  box.addEventListener("blur", hide);
  box.addEventListener("keydown", (event) => {
    const open = !list.hidden && candidates.length;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
    else if (event.key === " " && event.ctrlKey) { event.preventDefault(); ask(); }
    else if (open && event.key === "ArrowDown") { event.preventDefault(); choose(chosen + 1); }
    else if (open && event.key === "ArrowUp") { event.preventDefault(); choose(chosen < 0 ? -1 : chosen - 1); }
    else if (open && event.key === "Tab" && !event.shiftKey) { event.preventDefault(); accept(Math.max(chosen, 0)); }
    else if (open && event.key === "Enter" && chosen >= 0) { event.preventDefault(); accept(chosen); }
    else if (open && event.key === "Escape") { event.preventDefault(); hide(); }
  });

  // Saved queries

  let saved = [];
  async function loadSaved() {
    const found = await get("/api/saved");
    if (!found || found.error) return;
    saved = found.answer.rows;
    byId("saved").append(...saved.map((query) => element("option", { value: query.name, title: query.question, text: "@" + query.name })));
  }

  byId("saved").addEventListener("change", () => {
    const query = saved.find((known) => known.name === byId("saved").value);
    byId("parameters").replaceChildren();
    if (!query) return;
    const fields = query.parameters.split(" ").filter(Boolean).map((parameter) => {
      const [name, ...rest] = parameter.split("=");
      const input = element("input", { name, value: rest.join("="), size: 8, "aria-label": name, spellcheck: "false" });
      return element("label", { class: "small" }, name + " ", input);
    });
    byId("parameters").replaceChildren(...fields);
    box.value = "@" + query.name;
    const missing = Array.from(byId("parameters").querySelectorAll("input")).find((input) => !input.value);
    if (missing) missing.focus();
    else run();
  });

  // Incidents and coverage

  const looking = latest();
  async function loadIncidents() {
    const note = byId("incidents-note"), items = byId("incidents");
    note.textContent = "looking…";
    const found = await get("/api/incidents", { window: byId("window").value, now: fromNow() }, looking.start());
    if (!found) return;
    items.replaceChildren();
    if (found.error) { note.textContent = ""; items.append(element("li", {}, element("pre", { text: found.error }))); return; }
    const rows = found.answer.rows;
    note.textContent = rows.length ? rows.length + (rows.length === 1 ? " incident" : " incidents") + ", the worst first" : "no incidents in this window";
    items.append(...rows.map((row) => element("li", {},
      element("button", { type: "button", class: "name", text: row.what || row.root || row.id, click: () => about(row.id, 0) }),
      element("div", { class: "soft small", text: shown(row.time) + " · " + shown(row.duration, "duration") + " · " + shown(row.root) }))));
  }

  async function loadCoverage() {
    const found = await get("/api/store");
    if (!found) return;
    const text = found.error || found.store + ": " + (found.first ? found.first + " … " + found.last : "no events") + " · loads: " + found.loads;
    byId("coverage").textContent = visible(text);
  }

  byId("window-form").addEventListener("submit", (event) => { event.preventDefault(); loadIncidents(); });
  byId("now").addEventListener("change", () => { loadIncidents(); run(); });
  loadCoverage();
  setInterval(() => { if (!document.hidden) loadCoverage(); }, 30000);
  loadSaved();
  loadIncidents();
  let before = "";
  try { before = decodeURIComponent(location.hash.slice(1)); } catch (_) { /* Not an address that this page wrote. */ }
  if (before) { box.value = before; run(); } else box.focus();
})();
