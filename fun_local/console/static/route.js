// Where the page is: the address alone, so that it can be shared. Links are links; clicks on ours load nothing.
import { useEffect, useState } from "./core.js";

const BASE = "/console/";
const listeners = new Set();

function read() {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(location.search) };
}

function tell() {
  for (const listener of listeners) listener(read());
}

export function href(path, query) {
  const parts = path.split("/").map(encodeURIComponent).join("/");
  const kept = new URLSearchParams();
  for (const [key, value] of query instanceof URLSearchParams ? query : Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) if (one) kept.append(key, one);
  }
  return `${BASE}${parts}${kept.size ? `?${kept}` : ""}`;
}

export function go(address, { replace = false } = {}) {
  if (address !== location.pathname + location.search) {
    history[replace ? "replaceState" : "pushState"](null, "", address);
    tell();
  }
}

export function useRoute() {
  const [route, set] = useState(read());
  useEffect(() => {
    listeners.add(set);
    return () => listeners.delete(set);
  }, []);
  return route;
}

addEventListener("popstate", tell);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const isPlain = !event.defaultPrevented && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !isPlain || link.target || link.origin !== location.origin || !link.pathname.startsWith(BASE)) return;
  event.preventDefault();
  go(link.pathname + link.search);
  scrollTo(0, 0);
});
