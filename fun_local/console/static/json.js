// Where a text stops being JSON. The browsers' own messages tell the place or don't, each in its way.

// Line and column of the first character that can't be there; null where the text is JSON.
export function flaw(text) {
  try {
    JSON.parse(text);
    return null;
  } catch {
    const at = stop(text);
    const before = text.slice(0, at).split("\n");
    return { line: before.length, column: before[before.length - 1].length + 1, found: text[at] ?? "" };
  }
}

// One token after the other, as long as they come in an order that JSON allows.
function stop(text) {
  const token = /\s*(?:([{}[\],:])|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w))/y;
  const open = []; // "{" or "[" that are not closed
  let wants = "value"; // value, valueOrEnd, key, keyOrEnd, colon, commaOrEnd, nothing
  for (;;) {
    const from = token.lastIndex;
    const start = from + text.slice(from).match(/^\s*/)[0].length;
    const found = token.exec(text);
    if (!found) return start;
    const sign = found[1] ?? "";
    const isText = !sign && found[0].trimStart().startsWith('"');
    const after = () => (open.length ? "commaOrEnd" : "nothing");
    const closes = (sign === "}" && open.at(-1) === "{" && ["keyOrEnd", "commaOrEnd"].includes(wants)) || (sign === "]" && open.at(-1) === "[" && ["valueOrEnd", "commaOrEnd"].includes(wants));
    if (closes) {
      open.pop();
      wants = after();
    } else if (wants.startsWith("value") && !sign) wants = after();
    else if (wants.startsWith("value") && (sign === "{" || sign === "[")) {
      open.push(sign);
      wants = sign === "{" ? "keyOrEnd" : "valueOrEnd";
    } else if (wants.startsWith("key") && isText) wants = "colon";
    else if (wants === "colon" && sign === ":") wants = "value";
    else if (wants === "commaOrEnd" && sign === ",") wants = open.at(-1) === "{" ? "key" : "value";
    else return start;
  }
}
