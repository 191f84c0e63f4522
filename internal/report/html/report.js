// Search, sorting and folding. The page says everything without it. What is hidden by a search is printed all
// the same, so that a print is always complete.
(() => {
  "use strict";
  const all = (root, selector) => Array.from(root.querySelectorAll(selector));
  const order = new Intl.Collator("en", { numeric: true });
  const off = (element, hide) => element.classList.toggle("off", hide);

  for (const tools of all(document, ".tools")) {
    tools.hidden = false;
    const search = tools.querySelector("input[data-filters]");
    const severity = tools.querySelector("[data-severity]");
    const status = tools.querySelector("[role=status]");
    const area = document.getElementById(search.dataset.filters);
    const rows = all(area, area.tagName === "TABLE" ? "tbody tr" : ".finding");
    const texts = rows.map((row) => {
      const group = row.closest(".group");
      return ((group ? group.querySelector("h4").textContent + " " : "") + row.textContent).toLowerCase();
    });
    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter((w) => w !== "");
      const wanted = severity ? severity.value : "";
      let shown = 0;
      rows.forEach((row, i) => {
        const hit = words.every((w) => texts[i].includes(w)) && (wanted === "" || row.dataset.severity === wanted);
        off(row, !hit);
        shown += hit ? 1 : 0;
      });
      for (const box of all(area, ".group, .status")) {
        off(box, !box.querySelector(".finding:not(.off)"));
      }
      status.textContent = words.length > 0 || wanted !== "" ? shown + " of " + rows.length + " shown" : "";
    };
    search.addEventListener("input", filter);
    if (severity) {
      severity.addEventListener("change", filter);
    }
    const fold = (selector, open) => {
      const button = tools.querySelector(selector);
      if (button) {
        button.addEventListener("click", () => all(area, "details").forEach((d) => { d.open = open; }));
      }
    };
    fold("[data-fold]", false);
    fold("[data-unfold]", true);
  }

  for (const table of all(document, "table")) {
    const heads = all(table, "thead th");
    const body = table.tBodies[0];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((h) => h.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (row) => row.cells[column].dataset.sort || row.cells[column].textContent;
        const rows = Array.from(body.rows).sort((a, b) => order.compare(value(a), value(b)));
        body.append(...(down ? rows.reverse() : rows));
      });
      // Browsers leave buttons out where they repeat the head on the next sheet of paper.
      window.addEventListener("beforeprint", () => head.replaceChildren(...button.childNodes));
      window.addEventListener("afterprint", () => { button.append(...head.childNodes); head.append(button); });
    });
  }

  // A link to what a search or a fold hides shows it.
  const reveal = () => {
    const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    if (!target) {
      return;
    }
    for (let e = target; e; e = e.parentElement) {
      e.classList.remove("off");
      if (e.tagName === "DETAILS") {
        e.open = true;
      }
    }
    if (target.closest("#list")) {
      for (const e of all(target, ".off")) {
        e.classList.remove("off");
      }
    }
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", reveal);
  window.addEventListener("beforeprint", () => all(document, "details").forEach((d) => { d.open = true; }));
  reveal();
})();
