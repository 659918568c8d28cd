// The operations of the Message Service that the console uses: XML over HTTP.
import { post, send } from "./api.js";

const HEADERS = { "x-mns-version": "2015-06-06", "Content-Type": "text/xml;charset=utf-8" };

// The browser wants to be told that XML from the daemon may be parsed. It becomes no part of the page.
const policy = globalThis.trustedTypes?.createPolicy("mns", { createHTML: (text) => text });

async function ask(method, path, { query, body, headers } = {}) {
  const answer = await send(method, path, { query, body, headers: { ...HEADERS, ...headers } });
  const text = await answer.text();
  if (!text) return null;
  return new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/xml").documentElement;
}

// An element's leaves as an object.
const fields = (element) => Object.fromEntries([...element.children].map((child) => [child.localName, child.textContent]));

async function list(kind, path) {
  const found = [];
  let marker = "";
  do {
    const headers = { "x-mns-ret-number": "1000", "x-mns-with-meta": "true", ...(marker ? { "x-mns-marker": marker } : {}) };
    const root = await ask("GET", path, { headers });
    const items = [...root.children];
    found.push(...items.filter((item) => item.localName === kind).map(fields));
    marker = items.find((item) => item.localName === "NextMarker")?.textContent ?? "";
  } while (marker);
  return found;
}

const queue = (name) => `/queues/${encodeURIComponent(name)}`;
const topic = (name) => `/topics/${encodeURIComponent(name)}`;

export const queues = () => list("Queue", "/queues");
export const topics = () => list("Topic", "/topics");
export const queueOf = async (name) => fields(await ask("GET", queue(name)));
export const topicOf = async (name) => fields(await ask("GET", topic(name)));

export async function subscriptionsOf(name) {
  const found = await list("Subscription", `${topic(name)}/subscriptions`);
  return Promise.all(
    found.map(async (item) => {
      const last = decodeURIComponent(item.SubscriptionURL.split("/").pop());
      return fields(await ask("GET", `${topic(name)}/subscriptions/${encodeURIComponent(last)}`));
    }),
  );
}

async function messages(name, query) {
  try {
    const root = await ask("GET", `${queue(name)}/messages`, { query: { numOfMessages: "16", ...query } });
    return [...root.children].map(fields);
  } catch (error) {
    if (error.code === "MessageNotExist") return []; // how MNS says that a queue is empty
    throw error;
  }
}

export const peek = (name) => messages(name, { peekonly: "true" });
export const receive = (name) => messages(name, { waitseconds: "0" });
export const remove = (name, receipt) => ask("DELETE", `${queue(name)}/messages`, { query: { ReceiptHandle: receipt } });
export const purge = (name) => post("/local/purge", { queue: name });

const escape = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);

// In base64, as the SDKs send and expect it.
export function encode(text) {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

const message = (text, extra = "") => `<Message><MessageBody>${escape(encode(text))}</MessageBody>${extra}</Message>`;

export const sendTo = (name, text) => ask("POST", `${queue(name)}/messages`, { body: message(text) });
export const publish = (name, text, tag) =>
  ask("POST", `${topic(name)}/messages`, { body: message(text, tag ? `<MessageTag>${escape(tag)}</MessageTag>` : "") });

// A message's body for people: unpacked where it is base64 of text.
export function readable(body) {
  if (body.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(body)) {
    try {
      const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      if (!/[\x00-\x08\x0e-\x1f]/.test(text)) return text;
    } catch {
      // not text
    }
  }
  return body;
}

// The message of a function's error; nothing where it is of another form.
function reasonOf(text) {
  try {
    const found = JSON.parse(text)?.errorMessage;
    return typeof found === "string" ? found : "";
  } catch {
    return "";
  }
}

// What a message of a destination says of an execution; null for any other message.
export function letterOf(text) {
  try {
    const value = JSON.parse(text);
    const found = value?.requestContext?.functionArn?.match(/services\/([^./]+)(?:\.([^/]+))?\/functions\/([^/]+)$/);
    if (!found || typeof value.requestPayload !== "string") return null;
    return {
      path: `${found[1]}/${found[3]}`,
      qualifier: found[2] ?? "LATEST",
      requestId: value.requestContext.requestId,
      condition: value.requestContext.condition,
      reason: reasonOf(value.responsePayload),
      payload: value.requestPayload,
      ended: value.timestamp,
    };
  } catch {
    return null;
  }
}
