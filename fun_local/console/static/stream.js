// Server-sent events over fetch: EventSource can't send the session's key. Comes back by itself, from where it
// was; rests while nobody sees the page, so that many open ones cost nothing.
import { keyHeaders } from "./api.js";

const SILENCE = 40_000; // the daemon says something every 15 seconds
const UNSEEN = 5_000;

// `on` has functions by the events' names, and `state("live" | "connecting" | "resting")`. Gives an end.
export function follow(query, on) {
  let lastId = "";
  let control = null;
  let tries = 0;
  let isOver = false;
  let retry, rest, watch;

  async function connect() {
    clearTimeout(retry);
    if (isOver || control) return;
    control = new AbortController();
    const mine = control;
    on.state?.("connecting");
    try {
      const headers = { ...keyHeaders(), ...(lastId ? { "Last-Event-ID": lastId } : {}) };
      const address = `/local/events?${new URLSearchParams(query())}`;
      const answer = await fetch(address, { headers, cache: "no-store", signal: control.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      tries = 0;
      on.state?.("live");
      await readAll(answer.body.getReader(), mine);
    } catch {
      // gone, refused, or ended by us: all the same
    }
    clearTimeout(watch);
    if (control === mine) control = null;
    if (isOver || document.hidden) return;
    on.state?.("connecting");
    retry = setTimeout(connect, Math.min(5000, 250 * 2 ** tries++) * (0.75 + Math.random() / 2));
  }

  async function readAll(reader, mine) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      clearTimeout(watch);
      watch = setTimeout(() => mine.abort(), SILENCE);
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = parts.pop();
      for (const part of parts) if (!isOver) tell(part);
    }
  }

  function tell(text) {
    let name = "";
    let data = "";
    for (const line of text.split("\n")) {
      if (line.startsWith("id: ")) lastId = line.slice(4);
      else if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data = line.slice(6);
    }
    if (name) on[name]?.(JSON.parse(data));
  }

  function seen() {
    clearTimeout(rest);
    if (!document.hidden) connect();
    else
      rest = setTimeout(() => {
        control?.abort();
        on.state?.("resting");
      }, UNSEEN);
  }

  document.addEventListener("visibilitychange", seen);
  connect();
  return () => {
    isOver = true;
    document.removeEventListener("visibilitychange", seen);
    for (const timer of [retry, rest, watch]) clearTimeout(timer);
    control?.abort();
  };
}
