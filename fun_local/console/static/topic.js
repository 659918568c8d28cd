// One topic: who subscribes to it, and publishing.
import { html, useInterval, useLoaded, useState } from "./core.js";
import { duration, number } from "./format.js";
import * as mns from "./mns.js";
import { Cell, Crumbs, Facts, Loading, Problem } from "./parts.js";
import { Send } from "./queue.js";
import { href } from "./route.js";
import { t } from "./words.js";

export function Topic({ name }) {
  const { data, error, reload } = useLoaded(async () => ({ info: await mns.topicOf(name), subscriptions: await mns.subscriptionsOf(name) }), [name]);
  const [isAsking, ask] = useState(false);
  useInterval(reload, 3000);
  return html`
    <${Crumbs}><a href=${href("queues")}>${t("Queues and topics")}</a><//>
    <div class="head"><h1>${name}</h1><span class="space"></span><button class="primary" onClick=${() => ask(true)}>${t("Publish")}</button></div>
    <${Problem} error=${error} retry=${reload} />
    ${!data && !error && html`<${Loading} />`}
    ${data && html`<${Facts} items=${[[t("Messages"), number(data.info.MessageCount)], [t("Kept"), duration(data.info.MessageRetentionPeriod * 1000)]]} />
      <section aria-label=${t("Subscriptions")}><h2>${t("Subscriptions")}</h2>
      ${data.subscriptions.length ? html`<table class="list stacks"><thead><tr><th>${t("Name")}</th><th>${t("Goes to")}</th><th>${t("Tag")}</th><th>${t("Strategy")}</th><th>${t("Form")}</th></tr></thead>
        <tbody>${data.subscriptions.map((item) => html`<tr key=${item.SubscriptionName}><${Cell} name="Name">${item.SubscriptionName}<//><${Cell} name="Goes to"><${Endpoint} text=${item.Endpoint} /><//><${Cell} name="Tag">${item.FilterTag || "–"}<//><${Cell} name="Strategy">${item.NotifyStrategy}<//><${Cell} name="Form">${item.NotifyContentFormat}<//></tr>`)}</tbody></table>` : html`<p class="muted">${t("Nobody subscribes.")}</p>`}
      </section>`}
    ${isAsking && html`<${Send} title=${t("Publish to {name}", { name })} hasTag=${true} close=${() => ask(false)} send=${(text, tag) => mns.publish(name, text, tag)} done=${() => (ask(false), reload())} />`}
  `;
}

function Endpoint({ text }) {
  const queue = text.match(/^acs:mns:[^:]*:[^:]*:\/?queues\/([^/]+)/);
  return queue ? html`<a href=${href(`queues/${queue[1]}`)}><code>${text}</code></a>` : html`<code>${text}</code>`;
}
