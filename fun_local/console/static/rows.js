// The rows of the list of executions, and what news make of them. Knows no page and no network.

export const ACTIVE = ["Enqueued", "Dequeued", "Running", "Retrying", "Stopping"];
export const FINAL = ["Succeeded", "Failed", "Stopped", "Expired", "Invalid"];
export const STATUSES = [...ACTIVE, ...FINAL];

export const isFinal = (status) => FINAL.includes(status);
export const pathOf = (row) => `${row.serviceName}/${row.functionName}`;

// Whether a row belongs to what the filter of the page asks for.
export function matches(row, filter) {
  return (
    (!filter.function || pathOf(row) === filter.function) &&
    (!filter.statuses.length || filter.statuses.includes(row.status)) &&
    row.invocationId.startsWith(filter.prefix) &&
    (!filter.since || row.startedTime >= filter.since) &&
    (!filter.until || row.startedTime <= filter.until)
  );
}

// Rows, newest first, with news merged in. New ones are let in on the first page only, and push others out at its
// end; what no longer matches leaves. `dropped` tells whether any were pushed out, `added` which came.
export function merge(rows, news, { filter, limit, isFirst }) {
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  const lowest = rows.length ? rows[rows.length - 1].seq : -1;
  const added = [];
  let isChanged = false;
  for (const row of news) {
    const known = bySeq.get(row.seq);
    if (known && known.version >= row.version) continue;
    if (!known && !(isFirst && (rows.length < limit || row.seq > lowest))) continue;
    if (matches(row, filter)) {
      bySeq.set(row.seq, row);
      if (!known) added.push(row.seq);
    } else if (!bySeq.delete(row.seq)) continue;
    isChanged = true;
  }
  if (!isChanged) return { rows, added, dropped: false };
  const sorted = [...bySeq.values()].sort((a, b) => b.seq - a.seq);
  return { rows: sorted.slice(0, limit), added, dropped: sorted.length > limit };
}

// A page that was loaded, with what is known to be newer.
export function refreshed(loaded, rows) {
  const known = new Map(rows.map((row) => [row.seq, row]));
  return loaded.map((row) => (known.get(row.seq)?.version > row.version ? known.get(row.seq) : row));
}

// What a command would hit: all, and those that it can't.
export function split(rows, action) {
  const can = action === "stop" ? (row) => !isFinal(row.status) && row.status !== "Stopping" : (row) => isFinal(row.status);
  return { hit: rows.filter(can), spared: rows.filter((row) => !can(row)) };
}
