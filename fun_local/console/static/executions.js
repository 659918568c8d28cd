// The list of executions: live, filtered by what the address says, in pages.
import { get } from "./api.js";
import { html, useEffect, useMemo, useNow, useRef, useState } from "./core.js";
import { Filters, filterOf } from "./filters.js";
import { duration, exactly, moment, number } from "./format.js";
import { executionHref, functionHref } from "./links.js";
import { useKeys } from "./keys.js";
import { Empty, Loading, OnPurpose, Problem, Status, delivered } from "./parts.js";
import { go, href } from "./route.js";
import { isFinal, matches, merge, pathOf, refreshed } from "./rows.js";
import { follow } from "./stream.js";
import { Steer } from "./steer.js";
import { t } from "./words.js";

const LIMIT = 50;
const CALM = 1500; // after the last news that left some out, the list is loaded again
const PATIENCE = 8000; // and not later than this after the first
const FEW = 5; // so many at a time are worth pointing out

export function Executions({ query }) {
  const list = useList(query);
  const [selected, select] = useState(new Set());
  const [here, setHere] = useState(null); // by seq: rows come and go
  const [asked, ask] = useState(null);
  const { rows, filter } = list;
  const shown = rows ?? [];
  const isAnyActive = shown.some((row) => !isFinal(row.status));
  const now = useNow(isAnyActive, 1000);
  const chosen = shown.filter((row) => selected.has(row.seq));
  useEffect(() => {
    select(new Set());
    setHere(null);
  }, [String(query)]);

  const toggle = (row) => {
    const next = new Set(selected);
    if (!next.delete(row.seq)) next.add(row.seq);
    select(next);
  };
  const at = shown.findIndex((row) => row.seq === here);
  const move = (by) => {
    const next = Math.max(0, Math.min(shown.length - 1, at + by));
    setHere(shown[next]?.seq ?? null);
    document.querySelectorAll("tbody .id")[next]?.focus();
  };
  const targets = () => (chosen.length ? chosen : shown[at] ? [shown[at]] : []);
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => shown[at] && toggle(shown[at]),
    r: () => targets().length && ask({ action: "retry", rows: targets() }),
    s: () => targets().length && ask({ action: "stop", rows: targets() }),
  });

  const page = (key, row) => {
    const next = new URLSearchParams(query);
    next.delete("before");
    next.delete("after");
    if (row) next.set(key, row.seq);
    go(href("executions", next));
  };
  const isAll = shown.length > 0 && chosen.length === shown.length;
  return html`
    <div class="head">
      <h1>${t("Executions")}</h1>
      <${Live} state=${list.state} />
      <span class="space"></span>
      ${list.unseen > 0 && html`<button class="quiet" onClick=${() => page()}>${t("{n} new: show the newest", { n: number(list.unseen) })}</button>`}
      <a class="button primary" href=${href("submit", { function: filter.function })}>${t("Submit")}</a>
    </div>
    <${Filters} query=${query} />
    <${Problem} error=${list.error} retry=${list.reload} />
    ${chosen.length > 0 &&
    html`<div class="selection" role="region" aria-label=${t("Selection")}>
      <strong>${t("{n} selected", { n: chosen.length })}</strong>
      <button onClick=${() => ask({ action: "retry", rows: chosen })}>${t("Run again")}</button>
      <button onClick=${() => ask({ action: "stop", rows: chosen })}>${t("Stop")}</button>
      <button class="quiet" onClick=${() => select(new Set())}>${t("Clear")}</button>
    </div>`}
    ${!rows && !list.error && html`<${Loading} />`}
    ${rows && !shown.length && html`<${Empty}>${emptyText(query)}<//>`}
    ${shown.length > 0 &&
    html`<table class="list executions">
      <caption class="unseen">${t("Executions, newest first")}</caption>
      <thead>
        <tr>
          <th class="pick"><input type="checkbox" aria-label=${t("Select all on this page")} checked=${isAll} onChange=${() => select(new Set(isAll ? [] : shown.map((row) => row.seq)))} /></th>
          <th class="state">${t("Status")}</th><th>${t("Id")}</th><th class="fn">${t("Function")}</th><th class="at">${t("Accepted")}</th>
          <th class="took num">${t("Duration")}</th><th class="num wide">${t("Attempts")}</th><th class="to wide">${t("Destination")}</th>
        </tr>
      </thead>
      <tbody>
        ${shown.map((row) => html`<${Row} key=${row.seq} row=${row} now=${isFinal(row.status) ? 0 : now} isSelected=${selected.has(row.seq)} isHere=${row.seq === here} isNew=${list.fresh.has(row.seq)} toggle=${() => toggle(row)} />`)}
      </tbody>
    </table>`}
    <nav class="pages" aria-label=${t("Pages")}>
      <button disabled=${list.isFirst} onClick=${() => page()}>${t("Newest")}</button>
      <button disabled=${list.isFirst} onClick=${() => page("after", shown[0])}>${t("Newer")}</button>
      <button disabled=${!list.more} onClick=${() => page("before", shown[shown.length - 1])}>${t("Older")}</button>
    </nav>
    ${asked && html`<${Steer} ...${asked} close=${() => ask(null)} done=${() => (ask(null), select(new Set()), list.reload())} />`}
  `;
}

function emptyText(query) {
  return [...query.keys()].length
    ? html`<p>${t("No execution matches the filter.")}</p><p><a href=${href("executions")}>${t("Show all")}</a></p>`
    : html`<p>${t("Nothing has been executed yet.")}</p><p>${t("Submit one here, or:")} <code>invk FUNCTION -t Async --stateful</code></p>`;
}

const LIVE = { live: "Live", connecting: "Connecting", resting: "Paused" };
export const Live = ({ state }) => html`<span class="live is-${state}" role="status">${t(LIVE[state])}</span>`;

function Row({ row, now, isSelected, isHere, isNew, toggle }) {
  const ran = isFinal(row.status) ? row.durationMs : now - row.startedTime;
  return html`<tr class="${isHere ? "is-here" : ""} ${isNew ? "is-new" : ""}" aria-selected=${isSelected}>
    <td class="pick"><input type="checkbox" aria-label=${t("Select {id}", { id: row.invocationId })} checked=${isSelected} onChange=${toggle} /></td>
    <td class="state"><${Status} status=${row.status} /></td>
    <td class="name"><a class="id" href=${executionHref(row)}>${row.invocationId}</a>${row.rerunOf && html` <span class="muted" title=${t("Run again from") + " " + row.rerunOf}>↻</span>`} <${OnPurpose} faults=${row.faults} /></td>
    <td class="fn"><a href=${functionHref(pathOf(row))}>${pathOf(row)}</a>${row.qualifier !== "LATEST" && html`<span class="muted"> · ${row.qualifier}</span>`}</td>
    <td class="at"><time datetime=${new Date(row.startedTime).toISOString()} title=${exactly(row.startedTime)}>${moment(row.startedTime)}</time></td>
    <td class="took num">${row.attempts || !isFinal(row.status) ? duration(Math.max(0, ran)) : "–"}</td>
    <td class="num wide">${row.attempts}</td>
    <td class="to wide"><span class=${row.destinationStatus === "Failed" ? "bad" : "muted"}>${delivered(row.destinationStatus) || "–"}</span></td>
  </tr>`;
}

// The rows of the page that the address asks for, kept up to date.
function useList(query) {
  const key = String(query);
  const filter = useMemo(() => filterOf(query), [key]);
  const isFirst = !query.has("before") && !query.has("after");
  const [rows, setRows] = useState(null);
  const [more, setMore] = useState(false);
  const [error, setError] = useState(null);
  const [state, setState] = useState("connecting");
  const [unseen, setUnseen] = useState(0);
  const fresh = useRef(new Set());
  const reload = useRef(() => {});

  useEffect(() => {
    const since = Date.now();
    const newer = new Set(); // what has come since, by seq
    let isOver = false;
    let known = [];
    let news = [];
    let isLoading = false;
    let isStale = false;
    let timer, latest;
    setRows(null);
    setUnseen(0);

    async function load() {
      if (isLoading) return void (isStale = true);
      isLoading = true;
      isStale = false;
      try {
        const page = await get("/local/executions", parameters(filter, query));
        if (isOver) return;
        known = merge(refreshed(page.rows, known), news, { filter, limit: LIMIT, isFirst }).rows;
        news = [];
        setMore(query.has("after") ? true : page.more);
        setRows(known);
        setError(null);
      } catch (problem) {
        if (!isOver) setError(problem);
      } finally {
        isLoading = false;
        if (isStale && !isOver) later();
      }
    }
    const later = () => {
      latest = latest ?? Date.now() + PATIENCE;
      clearTimeout(timer);
      timer = setTimeout(() => ((latest = undefined), load()), Math.max(0, Math.min(CALM, latest - Date.now())));
    };
    reload.current = load;

    // What is read after the stream has begun lacks nothing that it does not tell. Without one: read all the same.
    const patience = setTimeout(load, 400);
    const close = follow(() => ({}), {
      state: setState,
      hello() {
        clearTimeout(patience);
        load();
      },
      reset: load,
      executions({ rows: came, leftOut }) {
        if (leftOut) later();
        if (isLoading) news = [...news, ...came].slice(-1000);
        const result = merge(known, came, { filter, limit: LIMIT, isFirst });
        for (const row of came) if (row.startedTime >= since && matches(row, filter)) newer.add(row.seq);
        if (!isFirst) setUnseen(newer.size);
        if (result.rows === known) return;
        known = result.rows;
        fresh.current = new Set(result.added.length <= FEW ? result.added : []);
        if (result.dropped) setMore(true);
        setRows(known);
        if (known.length < LIMIT / 2 && filter.statuses.length) later(); // many have left it
      },
    });
    return () => {
      isOver = true;
      clearTimeout(timer);
      clearTimeout(patience);
      close();
    };
  }, [key]);
  return { rows, more, error, state, unseen, filter, isFirst, fresh: fresh.current, reload: () => reload.current() };
}

function parameters(filter, query) {
  const asked = new URLSearchParams({ limit: LIMIT });
  for (const name of ["function", "prefix", "since", "until"]) if (filter[name]) asked.set(name, filter[name]);
  for (const status of filter.statuses) asked.append("status", status);
  for (const name of ["before", "after"]) if (query.has(name)) asked.set(name, query.get(name));
  return asked;
}
