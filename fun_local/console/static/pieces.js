// A log in pieces of whole lines: what has been drawn is not drawn again when more comes. Knows no page.

const SIZE = 16 * 1024; // characters of a piece, or what is left of its last line
const LONGEST = 64 * 1024; // of a line that never ends

// The pieces of parts, which may be cut anywhere. A piece keeps its key while it grows.
export function pieces(parts) {
  const found = [];
  let open = null; // a piece whose last line goes on in the next part
  for (const { start, text } of parts) {
    let at = 0;
    if (open) {
      at = text.indexOf("\n") + 1 || text.length;
      open.text += text.slice(0, at);
      if (open.text.endsWith("\n") || open.text.length > LONGEST) open = null;
    }
    while (at < text.length) {
      const end = lineEnd(text, at);
      found.push({ key: `${start}+${at}`, text: text.slice(at, end) });
      at = end;
      open = text[end - 1] === "\n" ? null : found[found.length - 1];
    }
  }
  return found;
}

function lineEnd(text, from) {
  if (from + SIZE >= text.length) return text.length;
  const line = text.lastIndexOf("\n", from + SIZE) + 1;
  return line > from ? line : text.indexOf("\n", from) + 1 || Math.min(text.length, from + LONGEST);
}

// The last lines that hold a text, whatever its case, and how many there are.
export function search(found, sought, most) {
  const wanted = sought.toLowerCase();
  const lines = [];
  for (const piece of found) {
    piece.text.split("\n").forEach((line, i) => {
      if (line.toLowerCase().includes(wanted)) lines.push({ key: `${piece.key}/${i}`, text: line });
    });
  }
  return { count: lines.length, lines: lines.slice(-most) };
}
