// One function: how it is configured, its versions and aliases, and how each treats asynchronous calls.
import { get } from "./api.js";
import { html, useLoaded } from "./core.js";
import * as fc from "./fc.js";
import { bytes, duration, moment, number } from "./format.js";
import { counts, Span, SPANS, spanOf, useHealth } from "./functions.js";
import { Destination } from "./links.js";
import { Cell, Crumbs, Facts, Loading, OnPurpose, Plot, Problem } from "./parts.js";
import { href } from "./route.js";
import { t } from "./words.js";

async function load(path) {
  const service = path.split("/")[0];
  const isOwn = service === "_default"; // versions of FC 3.0 belong to functions, which this version can't ask
  const [status, found, configs, triggers, versions, aliases] = await Promise.all([
    get("/local/status"),
    fc.functionOf(path),
    fc.configsOf(path),
    fc.triggersOf(path),
    isOwn ? [] : fc.versionsOf(service),
    isOwn ? [] : fc.aliasesOf(service),
  ]);
  const faults = status.faults.filter((fault) => fault.function === path);
  return { found, configs, triggers, versions, aliases, faults };
}

export function Function({ service, name, query }) {
  const path = `${service}/${name}`;
  const { data, error, reload } = useLoaded(() => load(path), [path]);
  const health = useHealth(spanOf(query)).data?.functions[path];
  return html`
    <${Crumbs}><a href=${href("functions")}>${t("Functions")}</a> › ${service}<//>
    <div class="head">
      <h1>${name}</h1>
      <${OnPurpose} faults=${data?.faults.map(said)} />
      <span class="space"></span>
      <${Span} query=${query} path=${`functions/${path}`} />
      <a class="button" href=${href("executions", { function: path })}>${t("Executions")}</a>
      <a class="button primary" href=${href("submit", { function: path })}>${t("Submit")}</a>
    </div>
    <${Problem} error=${error} retry=${reload} />
    ${!data && !error && html`<${Loading} />`}
    <${Health} health=${health} span=${SPANS[spanOf(query)]} />
    ${data && html`<${Details} ...${data} />`}
  `;
}

function Health({ health, span }) {
  const { succeeded, failed, active, stopped } = counts(health);
  return html`<div class="health">
    <${Facts} items=${[
      [t("Succeeded"), html`<span class="good">${number(succeeded)}</span>`],
      [t("Failed"), html`<span class=${failed ? "bad" : ""}>${number(failed)}</span>`],
      [t("Active"), number(active)],
      [t("Stopped"), number(stopped)],
      ["p50", duration(health?.p50Ms)],
      ["p99", duration(health?.p99Ms)],
    ]} />
    ${health && html`<div class="overtime"><${Plot} ...${health} label=${t("{good} succeeded, {bad} failed", { good: succeeded, bad: failed })} />
      <div class="legend" aria-hidden="true"><span>−${span}</span><span>${t("now")}</span></div></div>`}
  </div>`;
}

// A failure that is rehearsed, and how often.
const said = ({ fault, rate }) => (rate < 1 ? `${fault} (${Number((rate * 100).toPrecision(3))} %)` : fault);

function Details({ found, configs, triggers, versions, aliases, faults }) {
  const environment = Object.entries(found.environmentVariables ?? {});
  return html`
    <section aria-label=${t("Configuration")}><h2>${t("Configuration")}</h2>
      <${Facts} items=${[
        [t("Runtime"), found.runtime],
        [t("Handler"), html`<code>${found.handler}</code>`],
        [t("Memory"), `${found.memorySize} MB`],
        [t("Time-out"), `${found.timeout} s`],
        [t("Code"), bytes(found.codeSize)],
        found.initializer && [t("Initializer"), html`<code>${found.initializer}</code>`],
        faults.length > 0 && [t("Fails on purpose"), faults.map(said).join(", ")],
        found.description && [t("Description"), found.description],
      ]} />
      ${environment.length > 0 && html`<details><summary>${t("{n} environment {n|variable|variables}", { n: environment.length })}</summary>
        <dl class="facts">${environment.map(([key, value]) => html`<div><dt><code>${key}</code></dt><dd><code>${value}</code></dd></div>`)}</dl></details>`}
    </section>
    <section aria-label=${t("Asynchronous calls")}><h2>${t("Asynchronous calls")}</h2>
      ${configs.length ? html`<table class="list stacks"><thead><tr><th>${t("Qualifier")}</th><th>${t("Records")}</th><th class="num">${t("Retries")}</th><th class="num">${t("Oldest event")}</th><th>${t("On success")}</th><th>${t("On failure")}</th></tr></thead>
        <tbody>${configs.map((config) => html`<${Config} key=${config.qualifier} config=${config} />`)}</tbody></table>` : html`<p class="muted">${t("Nothing is configured: the defaults hold, and there are no destinations.")}</p>`}
    </section>
    ${(versions.length > 0 || aliases.length > 0) && html`<section aria-label=${t("Versions and aliases")}><h2>${t("Versions and aliases")}</h2>
      <table class="list stacks"><thead><tr><th>${t("Name")}</th><th>${t("Leads to")}</th><th>${t("Description")}</th><th>${t("Changed")}</th></tr></thead><tbody>
        ${aliases.map((alias) => html`<tr key=${alias.aliasName}><${Cell} name="Name">${alias.aliasName}<//><${Cell} name="Leads to">${leads(alias)}<//><${Cell} name="Description">${alias.description}<//><${Cell} name="Changed">${changed(alias.lastModifiedTime)}<//></tr>`)}
        ${versions.map((version) => html`<tr key=${version.versionId}><${Cell} name="Name">${t("version {n}", { n: version.versionId })}<//><${Cell} name="Leads to">–<//><${Cell} name="Description">${version.description}<//><${Cell} name="Changed">${changed(version.createdTime)}<//></tr>`)}
      </tbody></table></section>`}
    ${triggers.length > 0 && html`<section aria-label=${t("Triggers")}><h2>${t("Triggers")}</h2>
      <table class="list stacks"><thead><tr><th>${t("Name")}</th><th>${t("Type")}</th><th>${t("Configuration")}</th></tr></thead><tbody>
        ${triggers.map((trigger) => html`<tr key=${trigger.triggerName}><${Cell} name="Name">${trigger.triggerName}<//><${Cell} name="Type">${trigger.triggerType}<//><${Cell} name="Configuration"><code>${typeof trigger.triggerConfig === "string" ? trigger.triggerConfig : JSON.stringify(trigger.triggerConfig)}</code><//></tr>`)}
      </tbody></table></section>`}
  `;
}

function leads(alias) {
  const others = Object.entries(alias.additionalVersionWeight ?? {});
  const shares = others.map(([version, weight]) => `${version} (${Math.round(weight * 100)} %)`);
  return [alias.versionId, ...shares].join(", ");
}

const changed = (time) => (time ? html`<time>${moment(Date.parse(time), 0)}</time>` : "");

function Config({ config }) {
  const target = (name) => {
    const address = config.destinationConfig?.[name]?.destination;
    return address ? html`<${Destination} address=${address} />` : "–";
  };
  return html`<tr>
    <${Cell} name="Qualifier">${config.qualifier || "LATEST"}<//>
    <${Cell} name="Records">${config.statefulInvocation ? t("yes") : t("no")}<//>
    <${Cell} name="Retries" kind="num">${config.maxAsyncRetryAttempts ?? "–"}<//>
    <${Cell} name="Oldest event" kind="num">${config.maxAsyncEventAgeInSeconds ? duration(config.maxAsyncEventAgeInSeconds * 1000) : "–"}<//>
    <${Cell} name="On success">${target("onSuccess")}<//>
    <${Cell} name="On failure">${target("onFailure")}<//>
  </tr>`;
}
