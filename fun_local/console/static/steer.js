// Stopping and running again, of one execution or of several: what will be hit, and what became of it.
import { each } from "./api.js";
import { html, useState } from "./core.js";
import * as fc from "./fc.js";
import { Dialog, Problem, Status, say } from "./parts.js";
import { go } from "./route.js";
import { executionHref } from "./links.js";
import { pathOf, split } from "./rows.js";
import { t } from "./words.js";

const SHOWN = 8;

export function Steer({ action, rows, close, done, opens = false }) {
  const [{ hit, spared }] = useState(() => split(rows, action));
  const [isBusy, setBusy] = useState(false);
  const [refused, setRefused] = useState([]);
  const isStop = action === "stop";
  const act = async () => {
    setBusy(true);
    const results = await each(hit, isStop ? fc.stop : fc.retry);
    const problems = results.flatMap((result, i) => (result.error ? [{ row: hit[i], error: result.error }] : []));
    const count = hit.length - problems.length;
    if (count) say(isStop ? t("{n} stopped", { n: count }) : t("{n} run again", { n: count }));
    if (problems.length) {
      setRefused(problems);
      setBusy(false);
      return;
    }
    done();
    if (opens && !isStop) go(executionHref({ ...hit[0], invocationId: results[0].value.invocationId }));
  };
  const title = isStop ? t("Stop {n} of {all}", { n: hit.length, all: rows.length }) : t("Run {n} of {all} again", { n: hit.length, all: rows.length });
  return html`<${Dialog} title=${title} close=${close}>
    <${List} rows=${hit} />
    ${spared.length > 0 &&
    html`<p class="spared">${isStop ? t("{n} {n|has|have} ended already and {n|stays as it is|stay as they are}:", { n: spared.length }) : t("{n} {n|has|have} not ended and {n|is|are} left out:", { n: spared.length })}</p>
      <${List} rows=${spared} />`}
    ${refused.map(({ row, error }) => html`<${Problem} key=${row.seq} error=${{ code: row.invocationId, message: error.message }} />`)}
    <div class="buttons">
      <button onClick=${refused.length ? done : close}>${refused.length ? t("Close") : t("Cancel")}</button>
      ${!refused.length && html`<button class=${isStop ? "danger" : "primary"} disabled=${isBusy || !hit.length} onClick=${act} autofocus>${isStop ? t("Stop") : t("Run again")}</button>`}
    </div>
  <//>`;
}

const List = ({ rows }) => html`<ul class="hit">
  ${rows.slice(0, SHOWN).map((row) => html`<li key=${row.seq}><${Status} status=${row.status} /> <code>${row.invocationId}</code> <span class="muted">${pathOf(row)}</span></li>`)}
  ${rows.length > SHOWN && html`<li class="muted">${t("and {n} more", { n: rows.length - SHOWN })}</li>`}
</ul>`;
