// The console's own script: streams, the palette, the picture over time, passkeys.
// Every page works without it.
"use strict";

// When the ledger moved, parts of the page that say so are drawn again.
(() => {
  if (!document.querySelector('[hx-trigger*="moved"]') || !window.EventSource) return;
  let source;
  const open = () => {
    source = new EventSource("/live");
    let last;
    source.addEventListener("moved", (e) => {
      if (last !== undefined && last !== e.data) document.body.dispatchEvent(new CustomEvent("moved"));
      last = e.data;
    });
  };
  open();
  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", () => {
    source.close();
    if (!document.hidden) open();
  });
  addEventListener("pagehide", () => source.close());
})();

// The palette: Ctrl K or /, type, Enter.
(() => {
  const dialog = document.getElementById("palette");
  if (!dialog || !dialog.showModal) return;
  const text = document.getElementById("palette-text");
  const none = dialog.querySelector("[data-none]");
  const items = [...dialog.querySelectorAll("li")];
  const shown = () => items.filter((i) => !i.hidden);
  const filter = () => {
    const typed = text.value.trim();
    const want = typed.toLowerCase();
    for (const i of items) {
      if (i.dataset.search === undefined) {
        i.hidden = !i.textContent.toLowerCase().includes(want);
        continue;
      }
      // Only what looks like a case, or an address, is offered as one.
      const fits = { "/cases/": /^c\d+$/i, "/scope?ask=1&address=": /^[\da-f.:/]*[.:][\da-f.:/]*$/i, "/scope?ask=1&user=": /^\S+$/ }[i.dataset.search];
      i.hidden = !typed || (fits !== undefined && !fits.test(typed));
      i.querySelector("a").href = i.dataset.search + encodeURIComponent(typed);
      i.querySelector("q").textContent = typed;
    }
    none.hidden = shown().length > 0;
  };
  const show = () => {
    text.value = "";
    filter();
    dialog.showModal();
    text.focus();
  };
  for (const button of document.querySelectorAll("[data-palette]")) {
    button.hidden = false;
    button.addEventListener("click", show);
  }
  addEventListener("keydown", (e) => {
    const typing = e.target.matches && e.target.matches("input, textarea, select");
    if ((e.key === "k" && (e.ctrlKey || e.metaKey)) || (e.key === "/" && !typing)) {
      e.preventDefault();
      if (!dialog.open) show();
    }
  });
  text.addEventListener("input", filter);
  dialog.addEventListener("keydown", (e) => {
    const all = shown().map((i) => i.querySelector("a"));
    const at = all.indexOf(document.activeElement);
    if (e.key === "Enter" && document.activeElement === text && all.length && !e.isComposing) {
      e.preventDefault();
      all[0].click();
    } else if (e.key === "ArrowDown" && all.length) {
      e.preventDefault();
      all[Math.min(at + 1, all.length - 1)].focus();
    } else if (e.key === "ArrowUp") {
      e.preventDefault();
      (at > 0 ? all[at - 1] : text).focus();
    }
  });
  dialog.addEventListener("click", (e) => {
    const link = e.target.closest("a");
    if (e.target === dialog || link) dialog.close();
    if (!link) return;
    if (link.dataset.press) {
      e.preventDefault();
      document.querySelector(link.dataset.press).click();
    } else if ("print" in link.dataset) {
      e.preventDefault();
      print();
    }
  });
})();

// The picture over time, to be read closely and to choose a part of it. The bars
// that are links say the same; the library comes when somebody asks for it.
(() => {
  let library;
  const load = () =>
    (library ||= new Promise((done, failed) => {
      const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/static/uplot.min.css" });
      const script = Object.assign(document.createElement("script"), { src: "/static/uplot.min.js", onload: done, onerror: failed });
      document.head.append(style, script);
    }));
  const language = document.documentElement.lang;
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const shown = (options, words = language) => {
    const format = new Intl.DateTimeFormat(words, { timeZone: "Asia/Tokyo", ...options });
    return (seconds) => format.format(new Date(seconds * 1000));
  };
  const whole = shown({ year: "numeric", month: "2-digit", day: "2-digit", second: "2-digit", ...time }, "sv"); // as the page: 2026-11-24 11:42:17
  const number = new Intl.NumberFormat(language);
  const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const height = 220; // px
  const widthOf = (box) => Math.max(240, box.clientWidth);

  const draw = (box) => {
    const bars = JSON.parse(box.dataset.bars);
    const begin = bars.at[0];
    const ask = box.querySelector(".zoom-ask");
    const link = ask.querySelector("a");
    const span = bars.end - begin;
    const tick = shown(span > 2 * 86400 ? { month: "numeric", day: "numeric" } : span > 1200 ? time : { ...time, second: "2-digit" });
    const choose = (u) => {
      ask.hidden = !(u.select.width > 0);
      if (ask.hidden) return;
      const from = Math.max(begin, Math.floor(u.posToVal(u.select.left, "x")));
      const to = Math.max(from + 1, Math.min(bars.end, Math.ceil(u.posToVal(u.select.left + u.select.width, "x"))));
      const next = new URL(box.dataset.to, location.origin);
      next.searchParams.set("from", bars.open && from === begin ? "" : new Date(from * 1000).toISOString());
      next.searchParams.set("to", new Date(to * 1000).toISOString());
      link.href = next.pathname + next.search;
      link.textContent = `${box.dataset.ask}: ${whole(from)} – ${whole(to)}`;
    };
    const series = (label, name) => ({
      label,
      stroke: colour(name),
      fill: colour(name),
      paths: uPlot.paths.stepped({ align: 1 }),
      points: { show: false },
      value: (u, v) => (v == null ? "–" : number.format(v)),
    });
    const axis = { stroke: colour("--ink-soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const chart = new uPlot(
      {
        width: widthOf(box),
        height,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Asia/Tokyo"),
        cursor: { drag: { x: true, y: false, setScale: false } },
        scales: { y: { range: (u, low, high) => [0, Math.max(1, high)] } },
        axes: [
          { ...axis, values: (u, splits) => splits.map(tick) },
          { ...axis, size: 64, values: (u, splits) => splits.map((n) => (Number.isInteger(n) ? number.format(n) : "")) },
        ],
        series: [
          { label: box.dataset.time, value: (u, v) => (v == null ? "–" : whole(v)) },
          series(box.dataset.reachable, "--reachable"),
          series(box.dataset.confirmed, "--confirmed"),
        ],
        hooks: { setSelect: [choose] },
      },
      [[...bars.at, bars.end], [...bars.reachable, bars.reachable.at(-1)], [...bars.confirmed, bars.confirmed.at(-1)]],
      (u, init) => {
        box.insertBefore(u.root, ask);
        init();
      },
    );
    box.chart = chart;
  };

  const resized = new ResizeObserver((all) => {
    for (const { target } of all) if (target.chart && target.clientWidth) target.chart.setSize({ width: widthOf(target), height });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const box of document.querySelectorAll(".zoom")) {
      if (!box.chart) continue;
      box.chart.destroy();
      draw(box);
    }
  });
  document.addEventListener("htmx:load", (e) => {
    for (const button of e.target.parentElement.querySelectorAll("[data-zoom][hidden]")) {
      const box = document.getElementById(button.dataset.zoom);
      button.hidden = false;
      button.addEventListener("click", async () => {
        const open = box.hidden;
        box.hidden = !open;
        button.setAttribute("aria-expanded", String(open));
        if (!open) return;
        await load();
        if (box.chart) return;
        draw(box);
        resized.observe(box);
      });
    }
  });
})();

// The SHA-256 of a file that stays where it is: for receipts and evidence.
(() => {
  if (!window.crypto || !crypto.subtle) return;
  const most = 512 * 1024 * 1024; // bytes: it is read whole
  for (const label of document.querySelectorAll("[data-sum]")) {
    const file = label.querySelector("input");
    const sum = document.getElementById(label.dataset.sum);
    label.hidden = false;
    file.addEventListener("change", async () => {
      const chosen = file.files[0];
      sum.value = "";
      if (!chosen || chosen.size > most) return;
      const digest = await crypto.subtle.digest("SHA-256", await chosen.arrayBuffer());
      if (file.files[0] !== chosen) return; // another was chosen meanwhile, which may have been read sooner
      sum.value = [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
    });
  }
})();

// Passkeys (WebAuthn Level 3).
(() => {
  const box = document.querySelector("[data-passkey]");
  const can = window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON;
  if (!box || !can) return;
  box.hidden = false;
  const say = box.querySelector(".problem");
  const tell = async (path, body) => {
    const headers = { "Content-Type": "application/json" };
    if (box.dataset.csrf) headers["X-CSRF"] = box.dataset.csrf;
    const r = await fetch(path, { method: "POST", headers, body: JSON.stringify(body || {}) });
    if (!r.ok) throw new Error(String(r.status));
    return r.json();
  };
  box.querySelector("button").addEventListener("click", async () => {
    say.hidden = true;
    try {
      if (box.dataset.passkey === "login") {
        const asked = await tell("/passkey/ask");
        const key = await navigator.credentials.get({
          publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.options.publicKey),
        });
        await tell("/passkey/login", { id: asked.id, answer: key.toJSON() });
        location.href = box.dataset.next;
      } else {
        const asked = await tell("/me/passkey/begin");
        const key = await navigator.credentials.create({
          publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.options.publicKey),
        });
        const name = document.getElementById("f-passkey").value;
        await tell("/me/passkey/add", { id: asked.id, name, answer: key.toJSON() });
        location.href = "/me?done=saved";
      }
    } catch {
      say.hidden = false;
    }
  });
})();
