"use strict";
(() => {
  const PAGE = 50;
  const columns = JSON.parse(document.getElementById("customer-data").textContent);
  const rows = columns.length ? columns[0].values.length : 0;
  const table = document.getElementById("customer-table");
  const body = table.tBodies[0];
  const headings = Array.from(table.tHead.rows[0].cells);
  const status = document.getElementById("customer-status");
  const more = document.getElementById("customer-more");
  const search = document.getElementById("customer-search");

  const digits = (most, least) =>
    new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most });
  const plain = digits(0, 0), cents = digits(2, 2), tenths = digits(1, 1);
  const percentOf = (size) =>
    size >= 0.0995 || size === 0 ? plain : size >= 0.00995 ? tenths : cents;
  const write = {
    count: (v) => plain.format(v),
    cents: (v) => cents.format(v),
    decimal: (v) => cents.format(v),
    share: (v) => percentOf(Math.abs(v)).format(100 * v) + "\u00a0%",
    number: (v) => String(v),
  };
  const isText = (column) => column.kind === "id" || column.levels !== undefined;
  const textOf = (column, row) => {
    const value = column.values[row];
    if (value === null) return "\u2013";
    if (column.levels) return column.levels[value];
    if (column.kind === "id") return value;
    return write[column.kind](value).replace("-", "\u2212");
  };

  // Labels are in the order of their codes and customers in that of their ids, so that every
  // column sorts by numbers. Unknown values come last in both directions.
  const keyOf = (column, row) => (column.kind === "id" ? row : column.values[row]);
  const sorted = (column, sign) => {
    const order = Array.from({ length: rows }, (_, row) => row);
    return order.sort((a, b) => {
      const x = keyOf(column, a), y = keyOf(column, b);
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return sign * (x - y) || a - b;
    });
  };

  const found = columns.filter(isText);
  let haystack = null;
  const matches = (words) => {
    haystack ??= Array.from({ length: rows }, (_, row) =>
      found.map((column) => textOf(column, row).toLowerCase()).join("\n"));
    return (row) => words.every((word) => haystack[row].includes(word));
  };

  let order = [], view = [], shown = 0;
  const draw = () => {
    const part = document.createDocumentFragment();
    for (const row of view.slice(shown, shown + PAGE)) {
      const line = part.appendChild(document.createElement("tr"));
      columns.forEach((column, i) => {
        const cell = line.appendChild(document.createElement(i ? "td" : "th"));
        if (!i) cell.scope = "row";
        if (!isText(column)) cell.className = "number";
        cell.textContent = textOf(column, row);
      });
    }
    body.append(part);
    shown = Math.min(shown + PAGE, view.length);
    more.hidden = shown === view.length;
    status.textContent =
      `${plain.format(shown)} of ${plain.format(view.length)} ` +
      (view.length === rows ? "customers shown" : `matching customers shown, of ${plain.format(rows)}`);
  };
  const redraw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    view = words.length ? order.filter(matches(words)) : order;
    shown = 0;
    body.replaceChildren();
    draw();
  };
  const sortBy = (index, direction) => {
    headings.forEach((cell, i) => cell.setAttribute("aria-sort", i === index ? direction : "none"));
    order = sorted(columns[index], direction === "ascending" ? 1 : -1);
    redraw();
  };

  headings.forEach((cell, i) => {
    cell.querySelector("button").addEventListener("click", () => {
      const first = isText(columns[i]) ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      sortBy(i, cell.getAttribute("aria-sort") === first ? other : first);
    });
  });
  search.addEventListener("input", redraw);
  more.addEventListener("click", () => {
    const next = shown;
    draw();
    const row = body.rows[next];
    if (row) {
      row.tabIndex = -1;
      row.focus({ preventScroll: true });
    }
  });

  document.getElementById("finder").hidden = false;
  const value = columns.findIndex((column) => column.name === "lifetime_value");
  if (value < 0) sortBy(0, "ascending");
  else sortBy(value, "descending");
})();
