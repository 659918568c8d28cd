// The filter of the list of executions, which is the address: reading it, and the fields that change it.
import { html, useEffect, useRef, useState } from "./core.js";
import * as fc from "./fc.js";
import { since } from "./format.js";
import { Status } from "./parts.js";
import { go, href } from "./route.js";
import { ACTIVE, FINAL, STATUSES } from "./rows.js";
import { t } from "./words.js";

const GROUPS = { active: ACTIVE, final: FINAL };
const RANGES = ["15m", "1h", "24h", "7d"];

// What an address asks for; what it says wrongly is passed over.
export function filterOf(query) {
  const time = (name) => Math.floor(since(query.get(name) ?? "")) || 0;
  return {
    function: query.get("function") ?? "",
    prefix: query.get("prefix") ?? "",
    statuses: [...new Set(query.getAll("status").flatMap((name) => GROUPS[name] ?? (STATUSES.includes(name) ? [name] : [])))],
    since: time("since"),
    until: time("until"),
  };
}

export function Filters({ query }) {
  const filter = filterOf(query);
  const [functions, setFunctions] = useState([]);
  useEffect(() => {
    fc.everything().then(
      (services) => setFunctions(services.flatMap((service) => service.functions.map((f) => f.path))),
      () => {}, // the list says what is wrong
    );
  }, []);
  const change = (changes) => {
    const next = new URLSearchParams(query);
    next.delete("before");
    next.delete("after");
    for (const [name, value] of Object.entries(changes)) {
      next.delete(name);
      for (const one of [value].flat()) if (one) next.append(name, one);
    }
    go(href("executions", next), { replace: true });
  };
  const toggle = (status) => {
    const has = filter.statuses.includes(status);
    change({ status: has ? filter.statuses.filter((one) => one !== status) : [...filter.statuses, status] });
  };
  const range = query.get("since") ?? "";
  const isOwn = query.has("until") || (range && !RANGES.includes(range));
  const [showsOwn, showOwn] = useState(isOwn);
  const known = functions.includes(filter.function) || !filter.function ? functions : [filter.function, ...functions];
  return html`<form class="filters" role="search" aria-label=${t("Filter")} onSubmit=${(event) => event.preventDefault()}>
    <label>${t("Function")}
      <select value=${filter.function} onChange=${(event) => change({ function: event.target.value })}>
        <option value="">${t("all")}</option>
        ${known.map((path) => html`<option key=${path} value=${path} selected=${path === filter.function}>${path}</option>`)}
      </select>
    </label>
    <label>${t("Id begins with")} <${Late} id="search" value=${filter.prefix} change=${(prefix) => change({ prefix })} /></label>
    <label>${t("Accepted")}
      <select value=${showsOwn ? "own" : range} onChange=${(event) => {
        const own = event.target.value === "own";
        showOwn(own);
        if (!own) change({ since: event.target.value, until: "" });
      }}>
        <option value="">${t("any time")}</option>
        ${RANGES.map((one) => html`<option key=${one} value=${one} selected=${one === range}>${t("last {range}", { range: one })}</option>`)}
        <option value="own" selected=${showsOwn}>${t("from … to …")}</option>
      </select>
    </label>
    ${showsOwn && html`<label>${t("from")} <input type="datetime-local" step="1" value=${local(filter.since)} onChange=${(event) => change({ since: iso(event.target.value) })} /></label>
      <label>${t("to")} <input type="datetime-local" step="1" value=${local(filter.until)} onChange=${(event) => change({ until: iso(event.target.value) })} /></label>`}
    ${[...query.keys()].length > 0 && html`<a href=${href("executions")}>${t("Clear filter")}</a>`}
    <div class="chips" role="group" aria-label=${t("Status")}>
      ${STATUSES.map((status) => html`<button key=${status} type="button" class="chip" aria-pressed=${filter.statuses.includes(status)} onClick=${() => toggle(status)}><${Status} status=${status} /></button>`)}
    </div>
  </form>`;
}

const iso = (text) => (text ? new Date(text).toISOString() : "");
function local(ms) {
  if (!ms) return "";
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 19);
}

// A text field that tells of a change when its writer pauses.
function Late({ id, value, change }) {
  const [text, set] = useState(value);
  const timer = useRef();
  useEffect(() => set(value), [value]);
  const input = (event) => {
    set(event.target.value);
    clearTimeout(timer.current);
    const now = event.target.value;
    timer.current = setTimeout(() => change(now), 250);
  };
  return html`<input id=${id} type="search" spellcheck="false" autocomplete="off" value=${text} onInput=${input} />`;
}
