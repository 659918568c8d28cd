// The states of an execution, drawn over time; and as a table, which says the same in numbers.
import { html } from "./core.js";
import { clockExactly, duration, exactly } from "./format.js";
import { Status } from "./parts.js";
import { isFinal } from "./rows.js";
import { t } from "./words.js";

const RUNS = ["crash", "timeout", "oom", "error"]; // rehearsed failures that strike a run, not its start or delivery
const LEAST = 0.6; // percent: a state that lasted no time is still to be seen

// For each event how long its state lasted, and where on the line it is drawn, in percent.
export function spans(record, now) {
  const events = record.events;
  const end = record.isFinal ? events[events.length - 1].timestamp : Math.max(now, events[events.length - 1].timestamp);
  const lasting = events.filter((event) => !isFinal(event.status));
  const lengths = lasting.map((event, i) => Math.max(0, (events[i + 1]?.timestamp ?? end) - event.timestamp));
  const total = Math.max(1, lengths.reduce((sum, length) => sum + length, 0));
  const widths = lengths.map((length) => Math.max(LEAST, (length / total) * 100));
  const scale = 100 / widths.reduce((sum, width) => sum + width, 0);
  let x = 0;
  let attempt = 0;
  return lasting.map((event, i) => {
    const width = widths[i] * scale;
    const span = { event, ms: lengths[i], x, width, attempt: event.status === "Running" ? ++attempt : 0 };
    x += width;
    return span;
  });
}

export function Timeline({ record, now }) {
  const found = spans(record, now);
  const events = record.events;
  const from = events[0].timestamp;
  const total = (record.isFinal ? events[events.length - 1].timestamp : Math.max(now, from)) - from;
  return html`<div class="timeline">
    <svg class="whole" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
      ${found.map(({ event, x, width }) => html`<rect class="is-${event.status}" x=${x} width=${Math.max(0.2, width - 0.15)} y="0" height="14"><title>${t(event.status)}</title></rect>`)}
    </svg>
    <div class="whole legend" aria-hidden="true"><span>${exactly(from)}</span><span>+${duration(total)}</span></div>
    <table class="list states">
      <caption class="unseen">${t("States and how long they lasted")}</caption>
      <thead><tr><th>${t("State")}</th><th>${t("Since")}</th><th class="num">${t("Lasted")}</th><th class="bars" aria-hidden="true"><span class="legend"><span>0</span><span>+${duration(total)}</span></span></th><th>${t("What")}</th></tr></thead>
      <tbody>${events.map((event, i) => html`<tr key=${event.eventId}>
        <td><${Status} status=${event.status} /></td>
        <td><time title=${exactly(event.timestamp)}>${clockExactly(event.timestamp)}</time></td>
        <td class="num">${found[i] ? duration(found[i].ms) : "–"}</td>
        <td class="bars" aria-hidden="true"><svg viewBox="0 0 100 10" preserveAspectRatio="none">${found[i] ? html`<rect class="is-${event.status}" x=${found[i].x} width=${found[i].width} y="1" height="8" />` : html`<line class="is-${event.status}" x1="99.8" x2="99.8" y1="0" y2="10" />`}</svg></td>
        <td class="what">${found[i]?.attempt ? html`<${Attempt} number=${found[i].attempt} faults=${record.faults} />` : ""} <span class="muted">${detail(event)}</span></td>
      </tr>`)}</tbody>
    </table>
  </div>`;
}

// The number of an attempt, and what struck it on purpose.
function Attempt({ number, faults = [] }) {
  const struck = faults.filter((mark) => mark.endsWith(`@${number}`) && RUNS.includes(mark.split("@")[0]));
  return html`${t("attempt {n}", { n: number })} ${struck.map((mark) => html`<span class="onpurpose" key=${mark}>${t("{fault}, on purpose", { fault: mark.split("@")[0] })}</span>`)}`;
}

function detail(event) {
  try {
    return JSON.parse(event.eventDetail).Error ?? event.eventDetail;
  } catch {
    return event.eventDetail;
  }
}
