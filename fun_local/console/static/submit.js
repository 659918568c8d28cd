// Submitting a call: which function, with what, when; and earlier payloads and samples at hand.
import { get } from "./api.js";
import { html, useEffect, useLoaded, useRef, useState } from "./core.js";
import * as fc from "./fc.js";
import { duration, moment, pretty } from "./format.js";
import { flaw } from "./json.js";
import { executionHref } from "./links.js";
import { Content, Facts, Loading, Problem, say } from "./parts.js";
import { go, href } from "./route.js";
import { t } from "./words.js";

const DRAFT = "fun-local-console-draft";
const ID = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/;

// A payload for the form from another view: too long for an address.
export const handOver = (payload) => sessionStorage.setItem(DRAFT, payload);

async function qualifiersOf(path) {
  const service = path.split("/")[0];
  if (!path || service === "_default") return ["LATEST"];
  const [versions, aliases] = await Promise.all([fc.versionsOf(service), fc.aliasesOf(service)]);
  return ["LATEST", ...aliases.map((alias) => alias.aliasName), ...versions.map((version) => version.versionId)];
}

export function Submit({ query }) {
  const functions = useLoaded(async () => (await fc.everything()).flatMap((service) => service.functions.map((f) => f.path)), []);
  const paths = functions.data ?? [];
  const from = query.get("from");
  const asked = query.get("function") ?? query.get("of") ?? "";
  const path = asked || (paths.length === 1 ? paths[0] : "");
  const [qualifier, setQualifier] = useState(query.get("qualifier") ?? "LATEST");
  const [type, setType] = useState("Async");
  const [id, setId] = useState("");
  const [delay, setDelay] = useState("");
  const [stateful, setStateful] = useState(true);
  const [payload, setPayload] = useState("");
  const [problem, setProblem] = useState(null);
  const [result, setResult] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const qualifiers = useLoaded(() => qualifiersOf(path), [path]);
  const samples = useLoaded(() => (path ? get("/local/samples", { function: path }) : null), [path]);

  useEffect(() => {
    const draft = sessionStorage.getItem(DRAFT);
    if (draft !== null) {
      sessionStorage.removeItem(DRAFT);
      setPayload(draft);
    } else if (from) {
      get("/local/execution", { function: asked, id: from }).then(
        (record) => (setPayload(record.invocationPayload.text), setQualifier(record.qualifier)),
        setProblem,
      );
    }
  }, [from, asked]);

  const wrong = payload.trim() ? flaw(payload) : null;
  const badId = id && !ID.test(id);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    setResult(null);
    try {
      const isAsync = type === "Async";
      const done = await fc.invoke(path, { qualifier, type, body: payload, ...(isAsync ? { id, delay, stateful } : {}) });
      const [serviceName, functionName] = path.split("/");
      if (isAsync && done.id) {
        say(t("The call was accepted"));
        go(executionHref({ serviceName, functionName, invocationId: done.id }));
        return;
      }
      setResult({ ...done, isAsync });
      if (!isAsync) samples.reload();
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  };
  if (!functions.data && !functions.error) return html`<h1>${t("Submit")}</h1><${Loading} />`;
  return html`
    <div class="head"><h1>${t("Submit")}</h1>${from && html`<span class="muted">${t("a copy of {id}", { id: from })}</span>`}</div>
    <${Problem} error=${functions.error} retry=${functions.reload} />
    <form class="submit" onSubmit=${submit}>
      <div class="fields">
        <label>${t("Function")}
          <select required value=${path} onChange=${(event) => go(href("submit", { function: event.target.value }), { replace: true })}>
            <option value="" disabled>${t("choose one")}</option>
            ${paths.map((one) => html`<option key=${one} value=${one} selected=${one === path}>${one}</option>`)}
          </select>
        </label>
        <label>${t("Qualifier")}
          <select value=${qualifier} onChange=${(event) => setQualifier(event.target.value)}>
            ${(qualifiers.data ?? [qualifier]).map((one) => html`<option key=${one} value=${one} selected=${one === qualifier}>${one}</option>`)}
          </select>
        </label>
        <fieldset><legend>${t("Type")}</legend>
          ${["Async", "Sync"].map((one) => html`<label key=${one}><input type="radio" name="type" value=${one} checked=${type === one} onChange=${() => setType(one)} /> ${one === "Async" ? t("asynchronous") : t("synchronous")}</label>`)}
        </fieldset>
        ${type === "Async" && html`
          <label>${t("Id")} <input value=${id} placeholder=${t("made for you")} spellcheck="false" autocomplete="off" aria-invalid=${!!badId} onInput=${(event) => setId(event.target.value)} /></label>
          <label>${t("Delay in seconds")} <input type="number" min="0" max="3600" value=${delay} placeholder="0" onInput=${(event) => setDelay(event.target.value)} /></label>
          <label class="check"><input type="checkbox" checked=${stateful} onChange=${() => setStateful(!stateful)} /> ${t("Keep a record of this one")}</label>`}
        ${badId && html`<p class="bad" role="alert">${t("An id has letters, digits, - and _, and begins with a letter or _.")}</p>`}
      </div>
      <div class="editor">
        <label for="payload">${t("Payload")}</label>
        <textarea id="payload" rows="14" spellcheck="false" aria-describedby="json" value=${payload} onInput=${(event) => setPayload(event.target.value)} onKeyDown=${(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form.requestSubmit()}></textarea>
        <div class="bar">
          <span id="json" class=${wrong ? "warn" : "muted"} role="status">${wrong ? (wrong.found ? t("Not JSON: {found} in line {line}, column {column}", wrong) : t("Not JSON yet: the end is missing")) : payload.trim() ? t("JSON") : t("empty")}</span>
          <span class="space"></span>
          <button type="button" class="quiet" disabled=${!payload.trim() || !!wrong} onClick=${() => setPayload(pretty(payload))}>${t("Lay out")}</button>
          <button class="primary" disabled=${isBusy || !path || badId}>${isBusy ? t("Running…") : type === "Async" ? t("Submit") : t("Invoke")}</button>
        </div>
        <${Problem} error=${problem} />
        ${result && html`<${Result} result=${result} />`}
      </div>
      <${Samples} samples=${samples.data} take=${(text) => setPayload(pretty(text) ?? text)} />
    </form>
  `;
}

function Samples({ samples, take }) {
  if (!samples) return html`<aside></aside>`;
  const item = (key, name, text, note) => html`<li key=${key}><button type="button" onClick=${() => take(text)}><span>${name}</span><code>${text.slice(0, 80) || t("empty")}</code></button>${note && html`<small class="muted">${note}</small>`}</li>`;
  return html`<aside aria-label=${t("Payloads at hand")}>
    ${samples.last.length > 0 && html`<h2>${t("Last payloads")}</h2><ul>${samples.last.map((one) => item(one.invocationId, moment(one.startedTime), one.payload))}</ul>`}
    ${samples.triggers.length > 0 && html`<h2>${t("Samples of its triggers")}</h2><ul>${samples.triggers.map((one) => item(one.name, `${one.name} (${one.type})`, one.payload, one.note))}</ul>`}
    <h2>${t("Plain")}</h2><ul>${item("empty", t("an empty object"), "{}")}</ul>
  </aside>`;
}

function Result({ result }) {
  const ref = useRef();
  useEffect(() => ref.current?.scrollIntoView({ block: "nearest" }), [result]);
  if (result.isAsync)
    return html`<p ref=${ref} role="status">${t("Accepted; it leaves no record, as task mode is off.")} <code>${result.requestId}</code></p>`;
  return html`<div ref=${ref} class="result">
    <${Facts} items=${[
      [t("Outcome"), result.errorType ? html`<strong class="bad">${result.errorType}</strong>` : html`<span class="good">${t("Succeeded")}</span>`],
      [t("Duration"), duration(Number(result.duration))],
      [t("Request id"), html`<code>${result.requestId}</code>`, true],
    ]} />
    <${Content} text=${result.text} label=${t("Result")} />
    <${Content} text=${result.log} label=${t("Log")} />
  </div>`;
}
