// One topic: who subscribes to it, and publishing.
import { html, useInterval, useLoaded, useState } from "./core.js";
import { duration, number } from "./format.js";
import * as mns from "./mns.js";
import { Facts, Loading, Problem } from "./parts.js";
import { Send } from "./queue.js";
import { href } from "./route.js";
import { t } from "./words.js";

export function Topic({ name }) {
  const { data, error, reload } = useLoaded(async () => ({ info: await mns.topicOf(name), subscriptions: await mns.subscriptionsOf(name) }), [name]);
  const [isAsking, ask] = useState(false);
  useInterval(reload, 3000);
  return html`
    <p class="crumbs"><a href=${href("queues")}>${t("Queues and topics")}</a> ›</p>
    <div class="head"><h1>${name}</h1><span class="space"></span><button class="primary" onClick=${() => ask(true)}>${t("Publish")}</button></div>
    <${Problem} error=${error} retry=${reload} />
    ${!data && !error && html`<${Loading} />`}
    ${data && html`<${Facts} items=${[[t("Messages"), number(data.info.MessageCount)], [t("Kept"), duration(data.info.MessageRetentionPeriod * 1000)]]} />
      <section aria-label=${t("Subscriptions")}><h2>${t("Subscriptions")}</h2>
      ${data.subscriptions.length ? html`<div class="scroll"><table class="list"><thead><tr><th>${t("Name")}</th><th>${t("Goes to")}</th><th>${t("Tag")}</th><th>${t("Strategy")}</th><th>${t("Form")}</th></tr></thead>
        <tbody>${data.subscriptions.map((item) => html`<tr key=${item.SubscriptionName}><td>${item.SubscriptionName}</td><td><${Endpoint} text=${item.Endpoint} /></td><td>${item.FilterTag ?? ""}</td><td>${item.NotifyStrategy}</td><td>${item.NotifyContentFormat}</td></tr>`)}</tbody></table></div>` : html`<p class="muted">${t("Nobody subscribes.")}</p>`}
      </section>`}
    ${isAsking && html`<${Send} title=${t("Publish to {name}", { name })} hasTag=${true} close=${() => ask(false)} send=${(text, tag) => mns.publish(name, text, tag)} done=${() => (ask(false), reload())} />`}
  `;
}

function Endpoint({ text }) {
  const queue = text.match(/^acs:mns:[^:]*:[^:]*:\/?queues\/([^/]+)/);
  return queue ? html`<a href=${href(`queues/${queue[1]}`)}><code>${text}</code></a>` : html`<code>${text}</code>`;
}
