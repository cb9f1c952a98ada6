"use strict";
// The numbers of a table are one stop of the tab key a row; arrows go from number to number.
for (const table of document.querySelectorAll(".table table")) {
  const rows = [...table.rows].map((row) => [...row.querySelectorAll("a.number")]).filter((row) => row.length);
  for (const row of rows) row.slice(1).forEach((number) => { number.tabIndex = -1; });
  table.addEventListener("keydown", (event) => {
    const at = rows.findIndex((row) => row.includes(event.target));
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const place = rows[at].indexOf(event.target);
    const next = {
      ArrowLeft: () => rows[at][place - 1],
      ArrowRight: () => rows[at][place + 1],
      ArrowUp: () => rows[at - 1]?.[place],
      ArrowDown: () => rows[at + 1]?.[place],
    }[event.key]?.();
    if (next) { next.focus(); event.preventDefault(); }
  });
}
