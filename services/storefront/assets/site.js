// What the pages can do without: stock as it changes, and how many spans the page's trace has.
"use strict";

// The book page's stock line. The server writes the words; this only puts them in place.
(() => {
  const line = document.querySelector("[data-live]");
  if (!line || !window.EventSource) return;
  const text = line.querySelector(".stock");
  const button = document.querySelector("[data-add]");
  let source = null;
  let pause = 1000;

  const show = (event) => {
    const stock = JSON.parse(event.data);
    pause = 1000;
    if (text.textContent === stock.text) return;
    text.textContent = stock.text;
    text.dataset.stock = stock.state;
    button.disabled = stock.state === "out";
    line.classList.remove("changed");
    void line.offsetWidth; // starts the animation again
    line.classList.add("changed");
  };
  const close = () => {
    source?.close();
    source = null;
  };
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(line.dataset.live);
    source.addEventListener("stock", show);
    // A broken stream is opened again by the browser; a refused one is not.
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      setTimeout(open, pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, 30000);
    });
  };
  // A browser has few connections for one shop, and a page that nobody sees needs none.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
})();

// The foot of the page. Spans arrive in batches after the page itself: ask until their number is known.
(async () => {
  const link = document.querySelector("[data-trace]");
  if (!link) return;
  for (let attempt = 0; attempt < 4; attempt++) {
    try {
      const answer = await fetch(link.dataset.trace, { credentials: "omit", referrerPolicy: "no-referrer" });
      if (answer.ok) {
        const { span_count: spans } = await answer.json();
        link.after(` (${spans} span${spans === 1 ? "" : "s"})`);
        return;
      }
    } catch {
      // compare is not there, or not yet
    }
    await new Promise((resolve) => setTimeout(resolve, 1500 * (attempt + 1)));
  }
})();
