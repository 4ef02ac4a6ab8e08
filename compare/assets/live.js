// Keeps the page up to date, and copies an id. Without this script a page is as it was when it was loaded.
"use strict";

const every = 2000;
const live = document.querySelector("[data-live]");
const toggle = document.querySelector("[data-pause]");
let paused = sessionStorage.getItem("paused") === "yes";

function show() {
  if (!toggle) return;
  toggle.hidden = !live;
  toggle.setAttribute("aria-pressed", String(paused));
  toggle.textContent = paused ? "Resume" : "Pause";
  document.documentElement.classList.toggle("paused", paused);
}

// Nothing is replaced under the reader's hands.
const busy = () =>
  document.hidden || live.querySelector("details[open]") || live.contains(document.activeElement);

async function refresh() {
  if (!paused && !busy()) {
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.querySelector("main > [data-live], main > [data-ready]");
      if (fresh && !paused && !busy()) {
        live.replaceChildren(...fresh.childNodes);
        if (!fresh.hasAttribute("data-live")) return; // complete: nothing more will come
      }
    } catch {
      // compare is being restarted: the next try may find it.
    }
  }
  setTimeout(refresh, every);
}

if (live) setTimeout(refresh, every);
if (toggle) {
  toggle.addEventListener("click", () => {
    paused = !paused;
    sessionStorage.setItem("paused", paused ? "yes" : "no");
    show();
  });
  show();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button || !navigator.clipboard) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
});
if (navigator.clipboard) document.documentElement.classList.add("clipboard");

// A link to a span opens it.
const open = () => {
  const row = location.hash.startsWith("#span-") && document.getElementById(location.hash.slice(1));
  if (row) row.querySelector("details").open = true;
};
addEventListener("hashchange", open);
open();
