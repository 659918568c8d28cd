// The operations of the Function Compute API that the console uses, in its version of 2016.
import { get, post, send } from "./api.js";

const ROOT = "/2016-08-15";
const service = (name) => `${ROOT}/services/${encodeURIComponent(name)}`;
const scoped = (path, qualifier) => {
  const [owner, name] = path.split("/");
  return `${service(qualifier ? `${owner}.${qualifier}` : owner)}/functions/${encodeURIComponent(name)}`;
};

async function all(path, key) {
  const found = [];
  let nextToken = "";
  do {
    const page = await get(path, { limit: 100, ...(nextToken ? { nextToken } : {}) });
    found.push(...page[key]);
    nextToken = page.nextToken;
  } while (nextToken);
  return found;
}

export const services = () => all(`${ROOT}/services`, "services");
export const functionsOf = (name) => all(`${service(name)}/functions`, "functions");
export const versionsOf = (name) => all(`${service(name)}/versions`, "versions");
export const aliasesOf = (name) => all(`${service(name)}/aliases`, "aliases");
export const functionOf = (path) => get(scoped(path));
export const triggersOf = (path) => all(`${scoped(path)}/triggers`, "triggers");
export const configsOf = (path) => all(`${scoped(path)}/async-invoke-configs`, "configs");

// Every function with its service's name, by service.
export async function everything() {
  const names = (await services()).map((found) => found.serviceName);
  const lists = await Promise.all(names.map(functionsOf));
  return names.map((name, i) => ({ name, functions: lists[i].map((f) => ({ ...f, path: `${name}/${f.functionName}` })) }));
}

export const stop = (row) =>
  send("PUT", `${scoped(`${row.serviceName}/${row.functionName}`)}/stateful-async-invocations/${encodeURIComponent(row.invocationId)}`);

export const retry = (row) => post("/local/retry", { function: `${row.serviceName}/${row.functionName}`, id: row.invocationId });

// An asynchronous call answers an id (where it leaves a record), a synchronous one what the function said.
export async function invoke(path, { qualifier, type, id, delay, stateful, body }) {
  const headers = { "X-Fc-Invocation-Type": type, "Content-Type": "application/octet-stream" };
  if (type === "Sync") headers["X-Fc-Log-Type"] = "Tail";
  if (id) headers["X-Fc-Stateful-Async-Invocation-Id"] = id;
  if (delay) headers["X-Fc-Async-Delay"] = String(delay);
  if (stateful) headers["X-Fc-Stateful-Async-Invocation-Enable"] = "true";
  const answer = await send("POST", `${scoped(path, qualifier === "LATEST" ? "" : qualifier)}/invocations`, { headers, body });
  const header = (name) => answer.headers.get(name) ?? "";
  return {
    id: header("X-Fc-Stateful-Async-Invocation-Id"),
    requestId: header("X-Fc-Request-Id"),
    duration: header("X-Fc-Invocation-Duration"),
    errorType: header("X-Fc-Error-Type"),
    log: header("X-Fc-Log-Result") ? decode(header("X-Fc-Log-Result")) : "",
    text: await answer.text(),
  };
}

export const decode = (base64) =>
  new TextDecoder().decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
