// Values under the pointer, or under the arrow keys. All is readable without.
"use strict";
(() => {
  const number = (value) => {
    const size = Math.abs(value);
    return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
  };
  const time = (ms) => {
    if (ms === 0) return "0 ms";
    if (ms < 1) return (ms * 1000).toFixed(0) + " µs";
    if (ms < 1000) return number(ms) + " ms";
    return number(ms / 1000) + " s";
  };
  const list = (text) => (text || "").split(",").map((part) => (part === "" ? null : Number(part)));

  for (const plot of document.querySelectorAll(".plot")) {
    const field = plot.querySelector(".field");
    const xs = list(plot.dataset.x);
    const places = list(plot.dataset.places);
    const timed = plot.dataset.unit === "time";
    const lines = [...plot.querySelectorAll("path[data-v]")].map((path) => ({
      name: path.dataset.name,
      values: list(path.dataset.v),
    }));
    if (!field || !lines.length) continue;
    const cursor = document.createElement("div");
    const tip = document.createElement("div");
    cursor.className = "cursor";
    tip.className = "tip";
    cursor.hidden = tip.hidden = true;
    field.append(cursor, tip);
    let current = -1;

    const show = (index) => {
      current = Math.max(0, Math.min(index, places.length - 1));
      const place = places[current] / 1000;
      const onAxis = plot.querySelector(".xunit").textContent.includes("since");
      const rows = [number(xs[current]) + (onAxis ? " s" : " %")];
      if (!onAxis) rows[0] = String(Number(xs[current].toFixed(4))) + " %";
      for (const line of lines) {
        const value = line.values[current];
        if (value === null || value === undefined) continue;
        rows.push(line.name + "  " + (timed ? time(value) : number(value)));
      }
      tip.replaceChildren(...rows.map((text) => {
        const row = document.createElement("div");
        row.textContent = text;
        return row;
      }));
      cursor.hidden = tip.hidden = false;
      cursor.style.left = place * 100 + "%";
      tip.style.left = place < 0.5 ? "calc(" + place * 100 + "% + 8px)" : "auto";
      tip.style.right = place < 0.5 ? "auto" : "calc(" + (1 - place) * 100 + "% + 8px)";
    };
    const hide = () => { cursor.hidden = tip.hidden = true; };
    const nearest = (place) => {
      let best = 0;
      places.forEach((at, index) => { if (Math.abs(at - place) < Math.abs(places[best] - place)) best = index; });
      return best;
    };

    field.addEventListener("pointermove", (event) => {
      const box = field.getBoundingClientRect();
      show(nearest(((event.clientX - box.left) / box.width) * 1000));
    });
    field.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (event.key === "Escape") hide();
      if (step === undefined) return;
      event.preventDefault();
      show(current < 0 ? 0 : current + step);
    });
  }
})();
