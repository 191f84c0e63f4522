(function () {
  "use strict";
  var root = document.documentElement, stage = document.getElementById("stage"), svg = stage.querySelector("svg");
  var side = document.getElementById("side"), found = document.getElementById("found");
  var data = JSON.parse(document.getElementById("data").textContent);
  var full = svg.viewBox.baseVal, whole = { x: 0, y: 0, w: full.width, h: full.height }, view = Object.assign({}, whole);
  if (!root.dataset.theme) {
    root.dataset.theme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  svg.removeAttribute("width");
  svg.removeAttribute("height");

  function show() { svg.setAttribute("viewBox", [view.x, view.y, view.w, view.h].join(" ")); }
  function zoom(k, cx, cy) {
    var w = Math.min(Math.max(view.w * k, 120), whole.w * 3);
    k = w / view.w;
    view.x = cx - (cx - view.x) * k;
    view.y = cy - (cy - view.y) * k;
    view.w *= k;
    view.h *= k;
    show();
  }
  function middle() { return [view.x + view.w / 2, view.y + view.h / 2]; }
  function fit() { view = Object.assign({}, whole); show(); }
  function place(e) {
    var p = new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [p.x, p.y];
  }

  stage.addEventListener("wheel", function (e) {
    e.preventDefault();
    var p = place(e);
    zoom(e.deltaY > 0 ? 1.15 : 1 / 1.15, p[0], p[1]);
  }, { passive: false });
  var from = null, moved = false;
  stage.addEventListener("pointerdown", function (e) { from = place(e); moved = false; });
  stage.addEventListener("pointermove", function (e) {
    if (!from) { return; }
    var p = place(e);
    if (Math.abs(p[0] - from[0]) + Math.abs(p[1] - from[1]) > 3) { moved = true; stage.classList.add("moving"); }
    view.x -= p[0] - from[0];
    view.y -= p[1] - from[1];
    show();
  });
  window.addEventListener("pointerup", function () { from = null; stage.classList.remove("moving"); });
  document.getElementById("in").onclick = function () { var m = middle(); zoom(1 / 1.3, m[0], m[1]); };
  document.getElementById("out").onclick = function () { var m = middle(); zoom(1.3, m[0], m[1]); };
  document.getElementById("fit").onclick = fit;
  document.getElementById("theme").onclick = theme;
  function theme() { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; }

  var parts = Array.prototype.slice.call(svg.querySelectorAll("g[data-id]"));
  var wires = parts.filter(function (g) { return g.classList.contains("wire"); });
  var byID = {};
  parts.forEach(function (g) { byID[g.dataset.id] = g; });
  function ends(g) { return (g.dataset.ends || "").split("\n"); }

  var kept = null;
  function light(g) {
    parts.forEach(function (x) { x.classList.remove("on"); });
    svg.classList.toggle("picked", !!g);
    if (!g) { return; }
    var on = [g];
    if (g.classList.contains("wire")) {
      ends(g).forEach(function (id) { if (byID[id]) { on.push(byID[id]); } });
    } else {
      wires.forEach(function (w) {
        if (ends(w).indexOf(g.dataset.id) >= 0) {
          on.push(w);
          ends(w).forEach(function (id) { if (byID[id]) { on.push(byID[id]); } });
        }
      });
    }
    on.forEach(function (x) { x.classList.add("on"); });
  }
  function line(tag, text) {
    var e = document.createElement(tag);
    e.textContent = text;
    side.appendChild(e);
  }
  function tell(g) {
    var d = g && data[g.dataset.id];
    side.hidden = !d;
    side.textContent = "";
    if (!d) { return; }
    line("h2", d.title);
    d.lines.forEach(function (t) { line("p", t); });
    if (d.trace) { line("pre", d.trace.join("\n")); }
  }
  function pick(g) { kept = g; light(g); tell(g); }
  parts.forEach(function (g) {
    if (!data[g.dataset.id]) { return; }
    g.setAttribute("tabindex", "0");
    g.setAttribute("role", "button");
    g.addEventListener("pointerenter", function () { if (!kept) { light(g); } });
    g.addEventListener("pointerleave", function () { if (!kept) { light(null); } });
    g.addEventListener("focus", function () { if (!kept) { light(g); } });
    g.addEventListener("click", function (e) { e.stopPropagation(); if (!moved) { pick(g); } });
    g.addEventListener("keydown", function (e) { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); pick(g); } });
  });
  stage.addEventListener("click", function () { if (!moved) { pick(null); } });

  var search = document.getElementById("search");
  search.addEventListener("input", function () {
    var want = search.value.trim().toLowerCase(), n = 0, first = null;
    parts.forEach(function (g) {
      var hit = want !== "" && g.querySelector("title").textContent.toLowerCase().indexOf(want) >= 0;
      g.classList.toggle("hit", hit);
      if (hit) { n++; first = first || g; }
    });
    found.textContent = want === "" ? "" : n + " found";
    if (first && first.getBBox) {
      var b = first.getBBox();
      view.x = b.x + b.width / 2 - view.w / 2;
      view.y = b.y + b.height / 2 - view.h / 2;
      show();
    }
  });
  document.addEventListener("keydown", function (e) {
    if (e.target === search) { if (e.key === "Escape") { search.value = ""; search.dispatchEvent(new Event("input")); stage.focus(); } return; }
    var m = middle(), step = view.w / 12;
    switch (e.key) {
      case "+": case "=": zoom(1 / 1.3, m[0], m[1]); break;
      case "-": zoom(1.3, m[0], m[1]); break;
      case "0": fit(); break;
      case "t": theme(); break;
      case "/": e.preventDefault(); search.focus(); break;
      case "Escape": pick(null); break;
      case "ArrowLeft": view.x -= step; show(); break;
      case "ArrowRight": view.x += step; show(); break;
      case "ArrowUp": e.preventDefault(); view.y -= step; show(); break;
      case "ArrowDown": e.preventDefault(); view.y += step; show(); break;
    }
  });
}());
