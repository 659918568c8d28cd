// Services and their functions, and how these have fared lately.
import { get } from "./api.js";
import { html, useInterval, useLoaded } from "./core.js";
import * as fc from "./fc.js";
import { duration, number } from "./format.js";
import { functionHref } from "./links.js";
import { Empty, Loading, Plot, Problem } from "./parts.js";
import { go, href } from "./route.js";
import { ACTIVE } from "./rows.js";
import { t } from "./words.js";

export const SPANS = { 900: "15m", 3600: "1h", 86400: "24h" };
const BAD = ["Failed", "Expired", "Invalid"];

export const spanOf = (query) => (SPANS[query.get("span")] ? query.get("span") : "3600");

// Health of all functions over a span of time, kept up to date.
export function useHealth(span) {
  const loaded = useLoaded(() => get("/local/health", { seconds: span }), [span]);
  useInterval(loaded.reload, 2000);
  return loaded;
}

export const counts = (health) => {
  const of = (names) => names.reduce((sum, name) => sum + (health?.counts[name] ?? 0), 0);
  return { succeeded: of(["Succeeded"]), failed: of(BAD), active: of(ACTIVE), stopped: of(["Stopped"]) };
};

export const Span = ({ query, path }) => html`<div class="choice" role="group" aria-label=${t("Time span")}>
  ${Object.entries(SPANS).map(([seconds, name]) => html`<button key=${seconds} aria-pressed=${spanOf(query) === seconds} onClick=${() => go(href(path, { span: seconds }), { replace: true })}>${name}</button>`)}
</div>`;

export function Functions({ query }) {
  const { data, error, reload } = useLoaded(fc.everything, []);
  const span = spanOf(query);
  const health = useHealth(span);
  const found = (data ?? []).filter((service) => service.functions.length);
  return html`
    <div class="head"><h1>${t("Functions")}</h1><span class="space"></span><${Span} query=${query} path="functions" /></div>
    <${Problem} error=${error ?? health.error} retry=${reload} />
    ${!data && !error && html`<${Loading} />`}
    ${data && !found.length && html`<${Empty}><p>${t("Nothing is deployed yet.")}</p><p><code>fun init</code> · <code>fun deploy</code></p><//>`}
    ${health.data?.isWhole === false && html`<p class="muted">${t("Counted are the last {n} executions only.", { n: number(20000) })}</p>`}
    ${found.map((service) => html`<section key=${service.name} aria-label=${service.name}>
      <h2>${service.name === "_default" ? t("Without a service") : service.name}</h2>
      <table class="list functions">
        <caption class="unseen">${service.name}</caption>
        <thead><tr><th class="name">${t("Function")}</th><th class="wide">${t("Runtime")}</th><th class="num">${t("Succeeded")}</th><th class="num">${t("Failed")}</th><th class="num">${t("Active")}</th><th class="num wide">p50</th><th class="num wide">p99</th><th class="overtime">${t("Over time")}</th></tr></thead>
        <tbody>${service.functions.map((f) => html`<${Row} key=${f.path} f=${f} health=${health.data?.functions[f.path]} span=${span} />`)}</tbody>
      </table>
    </section>`)}
  `;
}

function Row({ f, health, span }) {
  const { succeeded, failed, active } = counts(health);
  const to = (count, status, kind) =>
    count ? html`<a class=${kind} href=${href("executions", { function: f.path, status, since: SPANS[span] })}>${number(count)}</a>` : html`<span class="muted">0</span>`;
  return html`<tr>
    <td class="name"><a href=${functionHref(f.path)}>${f.functionName}</a></td>
    <td class="wide muted">${f.runtime} · ${f.memorySize} MB · ${f.timeout} s</td>
    <td class="num">${to(succeeded, "Succeeded", "good")}</td>
    <td class="num">${to(failed, BAD, "bad")}</td>
    <td class="num">${to(active, "active", "")}</td>
    <td class="num wide">${duration(health?.p50Ms)}</td>
    <td class="num wide">${duration(health?.p99Ms)}</td>
    <td class="overtime">${health && html`<${Plot} ...${health} label=${t("{good} succeeded, {bad} failed", { good: succeeded, bad: failed })} />`}</td>
  </tr>`;
}
