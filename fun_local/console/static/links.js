// Addresses of things, and links to them.
import { html } from "./core.js";
import { href } from "./route.js";

export const executionHref = (row) => href(`executions/${row.serviceName}/${row.functionName}/${row.invocationId}`);
export const functionHref = (path) => href(`functions/${path}`);

// Where a destination's address leads: a queue, a topic or a function of this home.
export function Destination({ address }) {
  const mns = address.match(/:\/(queues|topics)\/([^/]+)\/messages$/);
  const fc = address.match(/:(?:services\/([^./]+)(?:\.[^/]+)?\/)?functions\/([^/.]+)/);
  const target = mns ? href(`${mns[1]}/${mns[2]}`) : fc ? functionHref(`${fc[1] ?? "_default"}/${fc[2]}`) : null;
  return target ? html`<a href=${target}><code>${address}</code></a>` : html`<code>${address}</code>`;
}
