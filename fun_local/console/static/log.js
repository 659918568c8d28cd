// A log as it grows: searched, paused, with its end in view. Bounded: of a long one the last megabyte is kept.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./core.js";
import { bytes } from "./format.js";
import { Problem, copy } from "./parts.js";
import { pieces, search } from "./pieces.js";
import { t } from "./words.js";

const MOST = 1024 * 1024; // characters kept
const MOST_FOUND = 300; // lines shown of a search

// `log` is {parts, tell}: what has come, and whom to tell of more. `more(end)` loads what lies before a place.
export function Log({ log, isFinal, more }) {
  const [parts, setParts] = useState(log.parts);
  const [isPaused, pause] = useState(false);
  const [sought, seek] = useState("");
  const [problem, setProblem] = useState(null);
  const held = useRef([]);
  const paused = useRef(false);
  const box = useRef();
  const isAtEnd = useRef(true);

  useEffect(() => {
    setParts(bounded(log.parts));
    log.tell = (part) => {
      if (paused.current) held.current.push(part);
      else setParts((old) => bounded([...old, part]));
    };
    return () => void (log.tell = () => {});
  }, [log]);
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current && !isPaused) box.current.scrollTop = box.current.scrollHeight;
  }, [parts, isPaused]);

  const toggle = () => {
    paused.current = !isPaused;
    pause(!isPaused);
    if (isPaused) {
      const came = held.current;
      held.current = [];
      setParts((old) => bounded([...old, ...came]));
    }
  };
  const load = async () => {
    try {
      const part = await more(parts[0].start);
      setProblem(null);
      setParts((old) => [part, ...old]);
    } catch (error) {
      setProblem(error);
    }
  };
  const shown = useMemo(() => pieces(parts), [parts]);
  const found = useMemo(() => (sought ? search(shown, sought, MOST_FOUND) : null), [shown, sought]);
  const nothing = isFinal ? t("It has written nothing.") : t("Nothing yet.");
  const start = parts[0]?.start ?? 0;
  return html`<div class="log">
    <div class="bar">
      <label class="unseen" for="log-search">${t("Search the log")}</label>
      <input id="log-search" type="search" placeholder=${t("Search the log")} spellcheck="false" autocomplete="off" value=${sought} onInput=${(event) => seek(event.target.value)} />
      ${found && html`<span role="status">${t("{n} {n|line|lines}", { n: found.count })}</span>`}
      <span class="space"></span>
      ${!isFinal && html`<button class="quiet" aria-pressed=${isPaused} onClick=${toggle}>${isPaused ? t("Go on") : t("Pause")}</button>`}
      <button class="quiet" onClick=${() => copy(parts.map((part) => part.text).join(""), t("Log"))}>${t("Copy")}</button>
    </div>
    <${Problem} error=${problem} />
    ${start > 0 && html`<button class="quiet" onClick=${load}>${t("Show earlier ({size} more)", { size: bytes(start) })}</button>`}
    <pre ref=${box} tabindex="0" role="log" aria-label=${t("Log")} aria-live="off" onScroll=${(event) => {
      const { scrollTop, scrollHeight, clientHeight } = event.target;
      isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24;
    }}>${found ? found.lines.map((line) => html`<div key=${line.key}>${marked(line.text, sought)}</div>`) : shown.length ? shown.map((piece) => html`<div key=${piece.key}>${piece.text}</div>`) : html`<span class="muted">${nothing}</span>`}</pre>
  </div>`;
}

function bounded(parts) {
  let size = 0;
  let first = parts.length;
  while (first > 0 && size < MOST) size += parts[--first].text.length;
  return parts.slice(first);
}

function marked(line, sought) {
  const pieces = [];
  const lower = line.toLowerCase();
  const wanted = sought.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    pieces.push(line.slice(from, at), html`<mark>${line.slice(at, at + wanted.length)}</mark>`);
    from = at + wanted.length;
  }
  return [...pieces, line.slice(from)];
}
