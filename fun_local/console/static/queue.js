// One queue: what lies in it, and everything that can be done with that. A dead letter leads to its execution.
import { get } from "./api.js";
import { html, useInterval, useLoaded, useState } from "./core.js";
import { duration, exactly, number } from "./format.js";
import * as fc from "./fc.js";
import { executionHref, functionHref } from "./links.js";
import * as mns from "./mns.js";
import { Content, Crumbs, Dialog, Empty, Facts, Loading, Problem, Status, say } from "./parts.js";
import { go, href } from "./route.js";
import { handOver } from "./submit.js";
import { t } from "./words.js";

async function load(name) {
  const info = await mns.queueOf(name);
  // An empty queue is an error of MNS, which the browser would note each time.
  return { info, messages: Number(info.ActiveMessages) ? await mns.peek(name) : [] };
}

export function Queue({ name }) {
  const { data, error, reload } = useLoaded(() => load(name), [name]);
  const [held, hold] = useState([]); // received here, not deleted yet
  const [asked, ask] = useState("");
  const [problem, setProblem] = useState(null);
  useInterval(reload, 2000);
  const act = async (work) => {
    try {
      setProblem(null);
      await work();
      await reload();
    } catch (found) {
      setProblem(found);
    }
  };
  const receive = () =>
    act(async () => {
      const found = await mns.receive(name);
      hold((old) => [...found, ...old.filter((one) => !found.some((other) => other.MessageId === one.MessageId))]);
      say(t("{n} received", { n: found.length }));
    });
  const remove = (message) =>
    act(async () => {
      await mns.remove(name, message.ReceiptHandle);
      hold((old) => old.filter((one) => one !== message));
      say(t("Message deleted"));
    });
  const ids = new Set(held.map((message) => message.MessageId));
  const info = data?.info;
  const waiting = (data?.messages ?? []).filter((message) => !ids.has(message.MessageId));
  return html`
    <${Crumbs}><a href=${href("queues")}>${t("Queues and topics")}</a><//>
    <div class="head">
      <h1>${name}</h1><span class="space"></span>
      <button onClick=${() => ask("send")} disabled=${!info}>${t("Send")}</button>
      <button onClick=${receive} disabled=${!info}>${t("Receive")}</button>
      <button class="danger" onClick=${() => ask("purge")} disabled=${!info}>${t("Purge")}</button>
    </div>
    <${Problem} error=${error ?? problem} retry=${reload} />
    ${!data && !error && html`<${Loading} />`}
    ${info && html`<${Facts} items=${[
      [t("Waiting"), number(info.ActiveMessages)],
      [t("In work"), number(info.InactiveMessages)],
      [t("Delayed"), number(info.DelayMessages)],
      [t("Hidden when received"), duration(info.VisibilityTimeout * 1000)],
      [t("Kept"), duration(info.MessageRetentionPeriod * 1000)],
    ]} />`}
    ${held.length > 0 && html`<section aria-label=${t("Received here")}><h2>${t("Received here")}</h2>
      ${held.map((message) => html`<${Message} key=${message.MessageId} message=${message} remove=${() => remove(message)} />`)}</section>`}
    ${data && html`<section aria-label=${t("Next in the queue")}><h2>${t("Next in the queue")}</h2>
      ${waiting.length ? waiting.map((message) => html`<${Message} key=${message.MessageId} message=${message} />`) : html`<${Empty}><p>${t("Nothing can be received now.")}</p><//>`}</section>`}
    ${asked === "send" && html`<${Send} title=${t("Send to {name}", { name })} close=${() => ask("")} send=${(text) => mns.sendTo(name, text)} done=${() => (ask(""), reload())} />`}
    ${asked === "purge" && html`<${Purge} name=${name} count=${Number(info.ActiveMessages) + Number(info.InactiveMessages) + Number(info.DelayMessages)} close=${() => ask("")} done=${() => (ask(""), hold([]), reload())} />`}
  `;
}

function Message({ message, remove }) {
  const text = mns.readable(message.MessageBody);
  const letter = mns.letterOf(text);
  const [problem, setProblem] = useState(null);
  const open = async () => {
    try {
      go(executionHref(await get("/local/find", { function: letter.path, requestId: letter.requestId, endTime: letter.ended })));
    } catch (error) {
      setProblem(error);
    }
  };
  const again = async () => {
    try {
      const call = { qualifier: letter.qualifier, type: "Async", stateful: true, body: letter.payload };
      const [serviceName, functionName] = letter.path.split("/");
      const { id } = await fc.invoke(letter.path, call);
      say(t("{n} run again", { n: 1 }));
      go(executionHref({ serviceName, functionName, invocationId: id }));
    } catch (error) {
      setProblem(error);
    }
  };
  return html`<article class="message">
    <div class="bar">
      <div class="what">
        ${letter && html`<div>${letter.condition ? html`<strong class="bad">${letter.condition}</strong>` : html`<${Status} status="Succeeded" />`} <a href=${functionHref(letter.path)}>${letter.path}</a></div>
        ${letter.reason && html`<div>${letter.reason}</div>`}`}
        <div class="muted"><time>${exactly(Number(message.EnqueueTime))}</time> · ${t("received {n} {n|time|times}", { n: message.DequeueCount })} · <code>${message.MessageId}</code></div>
      </div>
      ${letter && html`<button onClick=${open}>${t("Open execution")}</button><button onClick=${again}>${t("Run payload again")}</button>
        <button onClick=${() => (handOver(letter.payload), go(href("submit", { function: letter.path, qualifier: letter.qualifier })))}>${t("Edit and run")}</button>`}
      ${remove && html`<button class="danger" onClick=${remove}>${t("Delete")}</button>`}
    </div>
    <${Problem} error=${problem} />
    <${Content} text=${text} label=${t("Message")} />
  </article>`;
}

export function Send({ title, close, send, done, hasTag }) {
  const [text, set] = useState("");
  const [tag, setTag] = useState("");
  const [problem, setProblem] = useState(null);
  const act = async (event) => {
    event.preventDefault();
    try {
      await send(text, tag);
      say(t("Message sent"));
      done();
    } catch (error) {
      setProblem(error);
    }
  };
  return html`<${Dialog} title=${title} close=${close}><form onSubmit=${act}>
    <label class="tall">${t("Message")}<textarea rows="8" required value=${text} onInput=${(event) => set(event.target.value)}></textarea></label>
    ${hasTag && html`<label class="tall">${t("Tag")}<input value=${tag} onInput=${(event) => setTag(event.target.value)} /></label>`}
    <${Problem} error=${problem} />
    <div class="buttons"><button type="button" onClick=${close}>${t("Cancel")}</button><button class="primary">${t("Send")}</button></div>
  </form><//>`;
}

function Purge({ name, count, close, done }) {
  const [problem, setProblem] = useState(null);
  const act = async () => {
    try {
      const { deleted } = await mns.purge(name);
      say(t("{n} deleted", { n: deleted }));
      done();
    } catch (error) {
      setProblem(error);
    }
  };
  return html`<${Dialog} title=${t("Purge {name}", { name })} close=${close}>
    <p>${t("{n} {n|message|messages} will be deleted, those in work too. There is no way back.", { n: number(count) })}</p>
    <${Problem} error=${problem} />
    <div class="buttons"><button onClick=${close}>${t("Cancel")}</button><button class="danger" onClick=${act}>${t("Purge")}</button></div>
  <//>`;
}
