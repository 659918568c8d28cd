// Small parts that several views are made of.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./core.js";
import { pretty, bytes } from "./format.js";
import { t } from "./words.js";

// A shape for each status, so that colour is not all there is.
const SHAPES = {
  Enqueued: "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zm0 1.6a2.9 2.9 0 1 1 0 5.8 2.9 2.9 0 0 1 0-5.8z",
  Dequeued: "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zm0 1.6v5.8a2.9 2.9 0 0 1 0-5.8z",
  Running: "M3 1.8v8.4L10.2 6z",
  Retrying: "M6 2a4 4 0 1 0 3.9 4.9H8.2A2.4 2.4 0 1 1 6 3.6c.6 0 1.2.2 1.6.6L6.2 5.6H10V1.8L8.8 3A4 4 0 0 0 6 2z",
  Succeeded: "M4.7 8.9 1.6 5.8l1.3-1.3 1.8 1.9 4.5-4.6 1.3 1.3z",
  Failed: "M2.9 1.7 6 4.8l3.1-3.1 1.2 1.2L7.2 6l3.1 3.1-1.2 1.2L6 7.2l-3.1 3.1-1.2-1.2L4.8 6 1.7 2.9z",
  Stopping: "M2 2h8v8H2zm1.6 1.6v4.8h4.8V3.6z",
  Stopped: "M2 2h8v8H2z",
  Expired: "M6 1.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6zm.7 2v2.5l1.9 1.1-.7 1.2-2.6-1.5V3.2z",
  Invalid: "M6 .8 11.2 6 6 11.2.8 6zM5.3 3.4v3.2h1.4V3.4zm0 4v1.3h1.4V7.4z",
};

export const Status = ({ status }) => html`
  <span class="status is-${status}"><svg viewBox="0 0 12 12" aria-hidden="true"><path d=${SHAPES[status]} /></svg>${t(status)}</span>
`;

export const Problem = ({ error, retry }) =>
  error &&
  html`<div class="problem" role="alert">
    <strong>${error.code ?? t("Error")}</strong> <span>${error.message}</span>
    ${retry && html`<button class="quiet" onClick=${retry}>${t("Try again")}</button>`}
  </div>`;

export const Loading = () => html`<p class="muted" role="status">${t("Loading")}…</p>`;
export const Empty = ({ children }) => html`<div class="empty">${children}</div>`;

// Says that something fails because somebody wants to see it fail. The marks of a record are KIND@ATTEMPT.
export const OnPurpose = ({ faults }) =>
  faults?.length > 0 && html`<span class="onpurpose" title=${faults.join(", ")}>${t("on purpose")}</span>`;

export const delivered = (status) => (status === "Succeeded" ? t("delivered") : status ? t("not delivered") : "");

// Says it to screen readers and for a moment to everybody.
let announce = () => {};
export const say = (text, isBad) => announce(text, isBad);
export function Announcer() {
  const [said, set] = useState(null);
  useEffect(() => {
    let timer;
    announce = (text, isBad = false) => {
      clearTimeout(timer);
      set({ text, isBad });
      timer = setTimeout(() => set(null), isBad ? 8000 : 4000);
    };
    return () => clearTimeout(timer);
  }, []);
  return html`<div class="said ${said?.isBad ? "is-bad" : ""}" role="status" aria-live="polite">${said?.text}</div>`;
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Where pages may not write to the clipboard by themselves: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(t("{what} copied", { what }));
}

export const Copy = ({ text, what, label }) => html`
  <button class=${label ? "" : "quiet"} onClick=${() => copy(text, what)} aria-label=${label ?? t("Copy {what}", { what })}>${label ?? t("Copy")}</button>
`;

// Text that may be JSON: laid out or as it is.
export function Content({ text, size, isWhole = true, label, base64 }) {
  const laidOut = base64 ? null : pretty(text);
  const [isRaw, setRaw] = useState(false);
  const shown = laidOut !== null && !isRaw ? laidOut : text;
  return html`<div class="content">
    <div class="bar">
      ${laidOut !== null &&
      html`<div class="choice" role="group" aria-label=${t("Form")}>
        <button aria-pressed=${!isRaw} onClick=${() => setRaw(false)}>JSON</button>
        <button aria-pressed=${isRaw} onClick=${() => setRaw(true)}>${t("Raw")}</button>
      </div>`}
      <span class="muted">${bytes(size ?? new TextEncoder().encode(text).length)}${base64 ? ` · ${t("not text")}` : ""}${isWhole ? "" : ` · ${t("only the beginning is shown")}`}</span>
      <span class="space"></span>
      <${Copy} text=${base64 ?? text} what=${label} />
    </div>
    <pre tabindex="0" role="region" aria-label=${label}>${shown === "" ? html`<span class="muted">${t("empty")}</span>` : shown}</pre>
  </div>`;
}

// A dialog of the browser's own: keeps the focus, closes with Escape.
export function Dialog({ title, close, children }) {
  const ref = useRef();
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = ref.current;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  return html`<dialog ref=${ref} aria-label=${title} onCancel=${(event) => (event.preventDefault(), close())}>
    <h2>${title}</h2>
    ${children}
  </dialog>`;
}

// What a function's calls have come to, part by part of the time.
export function Plot({ succeeded, failed, label }) {
  const most = Math.max(1, ...succeeded.map((count, i) => count + failed[i]));
  const bar = (count, below, i, kind) =>
    count > 0 && html`<rect class=${kind} x=${i * 4} width="3" y=${24 - ((count + below) / most) * 24} height=${Math.max(1, (count / most) * 24)} />`;
  return html`<svg class="plot" viewBox="0 0 ${succeeded.length * 4 - 1} 24" preserveAspectRatio="none" role="img" aria-label=${label}>
    ${succeeded.map((_, i) => html`<rect class="none" x=${i * 4} width="3" y="23" height="1" />`)}
    ${succeeded.map((count, i) => bar(count, failed[i], i, "good"))} ${failed.map((count, i) => bar(count, 0, i, "bad"))}
  </svg>`;
}

// Names and values; what is long (a third item) has two columns.
export const Facts = ({ items }) => html`
  <dl class="facts">${items.filter(Boolean).map(([name, value, isLong]) => html`<div class=${isLong ? "long" : null}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
`;

// A cell that says what it is where there is no room for columns.
export const Cell = ({ name, kind = "", children }) => html`<td class=${kind} data-name=${t(name)}>${children}</td>`;

export const Crumbs = ({ children }) => html`<p class="crumbs">${children}</p>`;
