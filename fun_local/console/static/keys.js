// The keyboard: single keys that do something where nobody is writing, and "g" with a second key to go somewhere.
import { useEffect, useRef } from "./core.js";
import { go, href } from "./route.js";

export const PLACES = { e: "executions", f: "functions", q: "queues", s: "submit" };

const stack = [];
let isGoing = false;

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches?.("input:not([type=checkbox]), textarea, select") || document.querySelector("dialog[open]")) return;
  if (isGoing) {
    isGoing = false;
    if (PLACES[event.key]) return void (event.preventDefault(), go(href(PLACES[event.key])));
  }
  if (event.key === "g") return void (isGoing = true);
  for (const keys of [...stack].reverse()) {
    if (keys.current[event.key]) {
      event.preventDefault();
      keys.current[event.key]();
      return;
    }
  }
});

// Keys of a view, while it is shown.
export function useKeys(keys) {
  const ref = useRef(keys);
  ref.current = keys;
  useEffect(() => {
    stack.push(ref);
    return () => stack.splice(stack.indexOf(ref), 1);
  }, []);
}
