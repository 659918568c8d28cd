// Queues and topics, and how much lies in them.
import { html, useInterval, useLoaded } from "./core.js";
import { number } from "./format.js";
import * as mns from "./mns.js";
import { Empty, Loading, Problem } from "./parts.js";
import { href } from "./route.js";
import { t } from "./words.js";

const load = async () => {
  const [queues, topics] = await Promise.all([mns.queues(), mns.topics()]);
  return { queues, topics };
};

export function Queues() {
  const { data, error, reload } = useLoaded(load, []);
  useInterval(reload, 2000);
  return html`
    <h1>${t("Queues and topics")}</h1>
    <${Problem} error=${error} retry=${reload} />
    ${!data && !error && html`<${Loading} />`}
    ${data && !data.queues.length && !data.topics.length && html`<${Empty}><p>${t("There are none yet.")}</p><p><code>fun mns queue create NAME</code></p><//>`}
    ${data?.queues.length > 0 && html`<table class="list places"><caption>${t("Queues")}</caption>
      <thead><tr><th>${t("Name")}</th><th class="num">${t("Waiting")}</th><th class="num">${t("In work")}</th><th class="num">${t("Delayed")}</th></tr></thead>
      <tbody>${data.queues.map((queue) => html`<tr key=${queue.QueueName}>
        <td><a href=${href(`queues/${queue.QueueName}`)}>${queue.QueueName}</a></td>
        <td class="num">${number(queue.ActiveMessages)}</td><td class="num">${number(queue.InactiveMessages)}</td><td class="num">${number(queue.DelayMessages)}</td>
      </tr>`)}</tbody></table>`}
    ${data?.topics.length > 0 && html`<table class="list places"><caption>${t("Topics")}</caption>
      <thead><tr><th>${t("Name")}</th><th class="num">${t("Messages")}</th></tr></thead>
      <tbody>${data.topics.map((topic) => html`<tr key=${topic.TopicName}>
        <td><a href=${href(`topics/${topic.TopicName}`)}>${topic.TopicName}</a></td><td class="num">${number(topic.MessageCount)}</td>
      </tr>`)}</tbody></table>`}
  `;
}
