// The states of an execution, drawn over time; and as a table, which says the same in numbers.
import { html } from "./core.js";
import { duration, exactly } from "./format.js";
import { Status } from "./parts.js";
import { isFinal } from "./rows.js";
import { t } from "./words.js";

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
  return html`<div class="timeline">
    <svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
      ${found.map(({ event, x, width }) => html`<rect class="is-${event.status}" x=${x} width=${Math.max(0.2, width - 0.15)} y="0" height="14"><title>${t(event.status)}</title></rect>`)}
    </svg>
    <div class="legend" aria-hidden="true"><span>${exactly(from)}</span><span>+${duration((record.isFinal ? events[events.length - 1].timestamp : now) - from)}</span></div>
    <div class="scroll"><table class="states">
      <caption class="unseen">${t("States and how long they lasted")}</caption>
      <thead><tr><th>${t("State")}</th><th>${t("Since")}</th><th class="num">${t("Lasted")}</th><th>${t("What")}</th></tr></thead>
      <tbody>${events.map((event, i) => html`<tr key=${event.eventId}>
        <td><${Status} status=${event.status} /></td>
        <td><time>${exactly(event.timestamp)}</time></td>
        <td class="num">${found[i] ? duration(found[i].ms) : "–"}</td>
        <td>${found[i]?.attempt ? t("attempt {n}", { n: found[i].attempt }) : ""} <span class="muted">${detail(event)}</span></td>
      </tr>`)}</tbody>
    </table></div>
  </div>`;
}

function detail(event) {
  try {
    return JSON.parse(event.eventDetail).Error ?? event.eventDetail;
  } catch {
    return event.eventDetail;
  }
}
