// Long tables: search, sort by any column, show more. All rows come as JSON beside the table; every text is set as text.
"use strict";
for (const box of document.querySelectorAll(".long")) {
  const { columns, rows } = JSON.parse(box.querySelector('script[type="application/json"]').textContent);
  const words = JSON.parse(box.dataset.words), first = Number(box.dataset.first), step = 100;
  const [input, status, body, more] = ["input", '[role="status"]', "tbody", ".more"].map((s) => box.querySelector(s));
  const language = document.documentElement.lang, compare = new Intl.Collator(language, { numeric: true }).compare;
  const format = (number) => number.toLocaleString(language);
  const templates = [...body.rows[0]?.cells ?? []].map((cell) => [cell.tagName, cell.className]);
  const text = rows.map((row) => row.filter((_, i) => !["number", "band"].includes(columns[i].kind)).flat().join(" ").toLowerCase());
  let order = rows.map((_, i) => i), shown = first, sorted = null, down = false;

  const add = (parent, tag, attributes, content) => {
    const made = tag in { svg: 1, path: 1, rect: 1 } ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (content !== undefined) made.textContent = content;
    parent.append(made);
    return made;
  };
  const percent = (q) => (q > 0 && q < 1 ? "<1%" : q > 99 && q < 100 ? ">99%" : `${Math.round(q)}%`);
  const draw = {
    text: (cell, value) => (cell.textContent = value),
    strong: (cell, value) => add(cell, "strong", {}, value),
    number: (cell, [value], look) => (look === "plain" ? (cell.textContent = value) : add(cell, "span", { class: look }, value)),
    name: (cell, [name, note]) => {
      add(cell, "bdi", {}, name);
      if (note) add(cell, "small", {}, note);
    },
    badge: (cell, [value, status]) => add(cell, "span", { class: `badge ${status ?? "plain"}` }, value),
    band: (cell, [q5, q25, q50, q75, q95]) => {
      const tone = q5 > 50 ? "good" : q95 < 50 ? "bad" : "open";
      const label = `${percent(q50)}, 90% interval ${percent(q5)} to ${percent(q95)}`;
      const svg = add(cell, "svg", { class: `band ${tone}`, viewBox: "0 0 100 12", preserveAspectRatio: "none", role: "img", "aria-label": label });
      add(svg, "path", { class: "track", d: "M0 6H100" });
      add(svg, "path", { class: "half", d: "M50 0V12" });
      add(svg, "rect", { class: "pale", x: q5, y: 2, width: q95 - q5, height: 8 });
      add(svg, "rect", { class: "dark", x: q25, y: 2, width: q75 - q25, height: 8 });
      add(svg, "path", { class: "tick", d: `M${q50} 0V12` });
    },
  };
  const show = () => {
    body.replaceChildren(...order.slice(0, shown).map((i) => {
      const line = document.createElement("tr");
      rows[i].forEach((value, j) => {
        const [tag, mark] = templates[j];
        const cell = add(line, tag.toLowerCase(), { ...(mark && { class: mark }), ...(tag === "TH" && { scope: "row" }) });
        if (columns[j].kind === "number") draw.number(cell, [value].flat(), columns[j].look);
        else if (typeof value === "string" && columns[j].kind !== "strong") cell.textContent = value;
        else draw[columns[j].kind](cell, value, columns[j].look);
      });
      return line;
    }));
    const visible = Math.min(shown, order.length);
    const say = (name, ...numbers) => numbers.reduce((text, number) => text.replace("{}", format(number)), words[name]);
    if (order.length < rows.length) status.textContent = say("match", order.length, rows.length);
    else status.textContent = visible < rows.length ? say("of", visible, rows.length) : say("all", visible);
    more.hidden = order.length <= shown;
  };
  const key = (i, j) => {
    const value = rows[i][j], kind = columns[j].kind;
    if (kind === "number") return Array.isArray(value) ? value[1] : parseFloat(value.replaceAll(",", "").replace("−", "-"));
    if (kind === "band") return Array.isArray(value) ? value[2] : null;
    return Array.isArray(value) ? value[0] : value;
  };
  const arrange = () => {
    const asked = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    order = rows.map((_, i) => i).filter((i) => asked.every((word) => text[i].includes(word)));
    if (sorted !== null) {
      order.sort((a, b) => {
        const [p, q] = [key(a, sorted), key(b, sorted)];
        if (p === null || q === null) return (p === null) - (q === null) || a - b;
        const sign = typeof p === "number" && typeof q === "number" ? p - q : compare(String(p), String(q));
        return (down ? -sign : sign) || a - b;
      });
    }
    shown = first;
    show();
  };
  input.addEventListener("input", arrange);
  more.addEventListener("click", () => {
    const before = body.rows.length;
    shown += step;
    show();
    // the button may have gone, and who reads by keyboard goes on where the new rows begin
    const next = body.rows[before];
    if (next) { next.tabIndex = -1; next.focus({ preventScroll: true }); }
  });
  for (const button of box.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      const column = Number(button.dataset.column), numeric = ["number", "band"].includes(columns[column].kind);
      down = sorted === column ? !down : numeric;
      sorted = column;
      for (const head of box.querySelectorAll("th[aria-sort]")) head.removeAttribute("aria-sort");
      button.closest("th").setAttribute("aria-sort", down ? "descending" : "ascending");
      arrange();
    });
  }
  box.querySelector(".tools").hidden = false;
}
