// Requests to the daemon: with the key of this page's session beside the cookie that scripts can't read.
import { t } from "./words.js";

const STORED = "fun-local-console-key";
const HEADER = "X-Fun-Local-Console";
const locks = new Set();

export class Problem extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// Calls `react` when the daemon no longer lets this page in.
export function onLocked(react) {
  locks.add(react);
  return () => locks.delete(react);
}

export const hasKey = () => localStorage.getItem(STORED) !== null;
export const keyHeaders = () => (hasKey() ? { [HEADER]: localStorage.getItem(STORED) } : {});

export async function openSession(token) {
  const answer = await send("POST", "/console/session", { json: { token } });
  localStorage.setItem(STORED, (await answer.json()).key);
}

// The answer to a request that went well. Throws Problem.
export async function send(method, path, { query, json, body, headers, signal } = {}) {
  const address = query ? `${path}?${new URLSearchParams(query)}` : path;
  let answer;
  try {
    answer = await fetch(address, {
      method,
      body: json === undefined ? body : JSON.stringify(json),
      headers: { ...keyHeaders(), ...headers },
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "Unreachable", t("The daemon does not answer. Start it with: fun daemon start"));
  }
  if (!answer.ok) {
    const problem = await problemOf(answer);
    const isLocked = answer.status === 401 || (answer.status === 403 && !hasKey());
    if (isLocked && path !== "/console/session") for (const react of locks) react(problem);
    throw problem;
  }
  return answer;
}

async function problemOf(answer) {
  const text = await answer.text();
  try {
    const body = JSON.parse(text);
    return new Problem(answer.status, body.ErrorCode ?? body.Code, body.ErrorMessage ?? body.Message);
  } catch {
    const found = (name) => text.match(new RegExp(`<${name}>([^<]*)</${name}>`))?.[1] ?? "";
    return new Problem(answer.status, found("Code") || "Error", found("Message") || answer.statusText);
  }
}

export const get = async (path, query) => (await send("GET", path, { query })).json();
export const post = async (path, json) => (await send("POST", path, { json })).json();

// Runs `act` for every item, a few at a time; what became of each, in order.
export async function each(items, act, together = 6) {
  const results = new Array(items.length);
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const place = next++;
      try {
        results[place] = { value: await act(items[place]) };
      } catch (error) {
        results[place] = { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(together, items.length) }, work));
  return results;
}
