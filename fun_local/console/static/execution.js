// One execution: what it was given, how it went, what it wrote and where its outcome went; as it happens.
import { html, useEffect, useNow, useRef, useState } from "./core.js";
import { duration, exactly, quoted } from "./format.js";
import { useKeys } from "./keys.js";
import { Destination, executionHref, functionHref } from "./links.js";
import { Log } from "./log.js";
import { Live } from "./executions.js";
import { Content, Copy, Crumbs, Facts, Loading, OnPurpose, Problem, Status, copy, delivered } from "./parts.js";
import { href } from "./route.js";
import { isFinal, pathOf } from "./rows.js";
import { Steer } from "./steer.js";
import { follow } from "./stream.js";
import { Timeline } from "./timeline.js";
import { get } from "./api.js";
import { t } from "./words.js";

export function Execution({ service, name, id }) {
  const { record, error, state, log } = useExecution(`${service}/${name}`, id);
  const [asked, ask] = useState(null);
  const now = useNow(record && !isFinal(record.status));
  const canStop = record && !record.isFinal && record.status !== "Stopping";
  useKeys({
    s: () => canStop && ask("stop"),
    r: () => record?.isFinal && ask("retry"),
    c: () => record && copy(record.invocationPayload.text, t("Event")),
  });
  if (error) return html`<h1>${id}</h1><${Problem} error=${error} /><p><a href=${href("executions")}>${t("All executions")}</a></p>`;
  if (!record) return html`<h1>${id}</h1><${Loading} />`;
  const path = pathOf(record);
  return html`
    <${Crumbs}><a href=${href("executions")}>${t("Executions")}</a> › <a href=${href("executions", { function: path })}>${path}</a><//>
    <div class="head">
      <h1 class="id">${id}</h1>
      <${Status} status=${record.status} />
      <${OnPurpose} faults=${record.faults} />
      ${!record.isFinal && html`<${Live} state=${state} />`}
      <span class="space"></span>
      <${Copy} text=${record.invocationPayload.text} what=${t("Event")} label=${t("Copy payload")} />
      ${canStop && html`<button class="danger" onClick=${() => ask("stop")}>${t("Stop")}</button>`}
      ${record.isFinal && html`<a class="button" href=${href("submit", { from: id, of: path })}>${t("Edit and run")}</a>
        <button class="primary" onClick=${() => ask("retry")}>${t("Run again")}</button>`}
    </div>
    <${Facts} items=${facts(record, path, now)} />
    <section aria-label=${t("Timeline")}>
      <h2>${t("Timeline")}</h2>
      <${Timeline} record=${record} now=${now} />
    </section>
    <div class="pair">
      <section aria-label=${t("Event")}><h2>${t("Event")}</h2><${Content} ...${record.invocationPayload} label=${t("Event")} /></section>
      <section aria-label=${t("Outcome")}><h2>${t("Outcome")}</h2><${Outcome} record=${record} /></section>
    </div>
    <section aria-label=${t("Log")}>
      <h2>${t("Log")}</h2>
      <${Log} log=${log} isFinal=${record.isFinal} more=${(end) => earlier(path, id, end)} />
    </section>
    <section aria-label=${t("Destination")}><h2>${t("Destination")}</h2><${Delivery} record=${record} /></section>
    <section aria-label=${t("The same again")}><h2>${t("The same again")}</h2><${Again} record=${record} path=${path} /></section>
    ${asked && html`<${Steer} action=${asked} rows=${[record]} opens=${true} close=${() => ask(null)} done=${() => ask(null)} />`}
  `;
}

function facts(record, path, now) {
  const config = record.asyncConfig;
  const total = (record.isFinal ? record.endTime : now) - record.startedTime;
  return [
    [t("Function"), html`<a href=${functionHref(path)}>${path}</a>${record.qualifier !== "LATEST" ? ` · ${record.qualifier}` : ""}`],
    [t("Accepted"), html`<time>${exactly(record.startedTime)}</time>`],
    record.isFinal && [t("Ended"), html`<time>${exactly(record.endTime)}</time>`],
    [t("In all"), duration(Math.max(0, total))],
    record.attempts > 0 && [t("Last attempt"), record.isFinal || record.durationMs ? duration(record.durationMs) : t("running")],
    [t("Attempts"), t("{n} of at most {most}", { n: record.attempts, most: config.maxAsyncRetryAttempts + 1 })],
    record.memoryMb > 0 && [t("Memory"), `${record.memoryMb} MB`],
    record.faults && [t("Fails on purpose"), record.faults.map(struck).join(", ")],
    record.instanceId && [t("Instance"), html`<code>${record.instanceId}</code>`, true],
    [t("Request id"), html`<code>${record.requestId}</code>`, true],
    record.rerunOf && [t("Run again from"), html`<a href=${executionHref({ ...record, invocationId: record.rerunOf })}><code>${record.rerunOf}</code></a>`, true],
  ];
}

// A mark of a rehearsed failure: which, and the attempt it struck.
function struck(mark) {
  const [kind, attempt] = mark.split("@");
  return `${kind} (${t("attempt {n}", { n: attempt })})`;
}

function Outcome({ record }) {
  const result = record.returnPayload;
  if (!result) return html`<p class="muted">${record.isFinal ? t("It never ran, so there is no result.") : t("There is none yet.")}</p>`;
  const failure = record.invocationErrorMessage ? errorOf(result.text) : null;
  return html`
    ${record.invocationErrorMessage && html`<div class="failure">
      <p><strong class="bad">${record.invocationErrorMessage}</strong></p>
      ${failure && html`<p><strong>${failure.type}</strong>${failure.type && ": "}${failure.message}</p>`}
      ${failure?.stack && html`<pre tabindex="0" role="region" aria-label=${t("Stack")}>${failure.stack}</pre>`}
    </div>`}
    ${failure ? html`<details><summary>${t("As it was returned")}</summary><${Content} ...${result} label=${t("Result")} /></details>` : html`<${Content} ...${result} label=${t("Result")} />`}
  `;
}

// What a function's error says; null where it is of another form.
function errorOf(text) {
  try {
    const { errorMessage, errorType, stackTrace } = JSON.parse(text);
    if (typeof errorMessage !== "string") return null;
    const frame = (one) => (Array.isArray(one) ? one.join(", ").replace(/, ([^,]*)$/, "\n    $1") : one);
    return { type: errorType ?? "", message: errorMessage, stack: (Array.isArray(stackTrace) ? stackTrace : []).map(frame).join("\n") };
  } catch {
    return null;
  }
}

function Delivery({ record }) {
  const { onSuccess, onFailure } = record.asyncConfig.destinationConfig ?? {};
  const found = record.destination;
  if (!record.isFinal && (onSuccess || onFailure)) {
    return html`<${Facts} items=${[
      onSuccess && [t("On success"), html`<${Destination} address=${addressOf(onSuccess)} />`, true],
      onFailure && [t("On failure"), html`<${Destination} address=${addressOf(onFailure)} />`, true],
    ]} />`;
  }
  if (!found) return html`<p class="muted">${t("None is configured for this end.")}</p>`;
  return html`<${Facts} items=${[
      [t(found.condition === "onSuccess" ? "On success" : "On failure"), html`<${Destination} address=${found.address} />`, true],
      [t("Delivery"), html`<span class=${found.status === "Failed" ? "bad" : ""}>${delivered(found.status) || t("under way")}</span>`],
    ]} />
    <${Content} ...${found.message} label=${t("Message")} />`;
}

const addressOf = (target) => (typeof target === "string" ? target : target.destination);

// JSON's texts are Python's too.
const python = (text) => JSON.stringify(text);

function Again({ record, path }) {
  const event = record.invocationPayload.text;
  const isLatest = record.qualifier === "LATEST";
  const shell = ["invk", path, "-t", "Async", "--stateful", ...(isLatest ? [] : ["-q", record.qualifier]), "-s", event].map(quoted).join(" ");
  const headers = `{"x-fc-invocation-type": "Async", "x-fc-stateful-async-invocation-enable": "true"}`;
  const sdk = `client.invoke_function(${python(record.serviceName)}, ${python(record.functionName)}, payload=${python(event)}.encode(), headers=${headers}${isLatest ? "" : `, qualifier=${python(record.qualifier)}`})`;
  const line = (name, text) => html`<div class="line"><span class="muted">${name}</span><pre tabindex="0" role="region" aria-label=${name}>${text}</pre><${Copy} text=${text} what=${name} /></div>`;
  return html`${line(t("Shell"), shell)} ${line("Python (fc2)", sdk)}`;
}

const earlier = (path, id, end) => get("/local/log", { function: path, id, start: Math.max(0, end - 256 * 1024), end });

// The record and its log, as the stream tells them.
function useExecution(path, id) {
  const [record, setRecord] = useState(null);
  const [error, setError] = useState(null);
  const [state, setState] = useState("connecting");
  const log = useRef(null);
  if (!log.current || log.current.key !== `${path}/${id}`) log.current = { key: `${path}/${id}`, parts: [], end: 0, tell: () => {} };
  useEffect(() => {
    let close = () => {};
    let isOver = false;
    setRecord(null);
    setError(null);
    const mine = log.current;
    (async () => {
      try {
        const [found, part] = await Promise.all([
          get("/local/execution", { function: path, id }),
          get("/local/log", { function: path, id }),
        ]);
        if (isOver) return;
        add(mine, part);
        setRecord(found);
      } catch (problem) {
        return void (isOver || setError(problem));
      }
      close = follow(() => ({ function: path, id, logStart: mine.end }), {
        state: setState,
        record: (found) => setRecord((old) => (old && old.version > found.version ? old : found)),
        log: (part) => add(mine, part),
      });
    })();
    return () => {
      isOver = true;
      close();
    };
  }, [path, id]);
  return { record, error, state, log: log.current };
}

function add(log, part) {
  if (part.start < log.end || (part.start === part.end && !part.attempts.length)) return;
  log.parts.push(part);
  log.end = part.end;
  log.tell(part);
}
