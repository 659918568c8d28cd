// The page: who may see it, where it is, and what is always there.
import { html, render, useEffect, useState } from "./core.js";
import { hasKey, onLocked, openSession, get } from "./api.js";
import { Execution } from "./execution.js";
import { Executions } from "./executions.js";
import { Function } from "./function.js";
import { Functions } from "./functions.js";
import { useKeys } from "./keys.js";
import { Announcer, Dialog, Problem } from "./parts.js";
import { Queue } from "./queue.js";
import { Queues } from "./queues.js";
import { go, href, useRoute } from "./route.js";
import { Submit } from "./submit.js";
import { Topic } from "./topic.js";
import { language, setLanguage, t } from "./words.js";

const VIEWS = [
  ["executions", "Executions"],
  ["functions", "Functions"],
  ["queues", "Queues"],
  ["submit", "Submit"],
];

function view({ path, query }) {
  const [place, a, b, c] = path;
  const key = path.join("/");
  if (place === "executions" && c) return html`<${Execution} key=${key} service=${a} name=${b} id=${c} />`;
  if (place === "executions") return html`<${Executions} query=${query} />`;
  if (place === "functions" && b) return html`<${Function} key=${key} service=${a} name=${b} query=${query} />`;
  if (place === "functions") return html`<${Functions} query=${query} />`;
  if (place === "queues" && a) return html`<${Queue} key=${key} name=${a} />`;
  if (place === "queues") return html`<${Queues} />`;
  if (place === "topics" && a) return html`<${Topic} key=${key} name=${a} />`;
  if (place === "submit") return html`<${Submit} key=${query.get("from") ?? ""} query=${query} />`;
  return html`<h1>${t("There is nothing here")}</h1><p><a href=${href("executions")}>${t("Executions")}</a></p>`;
}

function Page() {
  const route = useRoute();
  const [locked, lock] = useState(null);
  const [showsKeys, showKeys] = useState(false);
  const [, turn] = useState(0);
  useEffect(() => onLocked(lock), []);
  useEffect(() => {
    if (!route.path.length) go(href("executions"), { replace: true });
    const name = VIEWS.find(([path]) => path === route.path[0])?.[1];
    document.title = [route.path.slice(1).pop(), name && t(name), "fun-local"].filter(Boolean).join(" · ");
  }, [route]);
  useKeys({
    "?": () => showKeys(true),
    "/": () => document.querySelector("input[type=search]")?.focus(),
  });
  // Who has never been in has done nothing wrong.
  if (locked) return html`<${Locked} problem=${hasKey() ? locked : null} />`;
  return html`
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), document.querySelector("main").focus())}>${t("To the content")}</a>
    <header>
      <a class="brand" href=${href("executions")}><img src="/console/static/icon.svg" alt="" width="20" height="20" />fun-local</a>
      <nav aria-label=${t("Main")}>${VIEWS.map(([path, name]) => html`<a key=${path} href=${href(path)} aria-current=${route.path[0] === path || (path === "queues" && route.path[0] === "topics") ? "page" : null}>${t(name)}</a>`)}</nav>
      <span class="space"></span>
      <button class="quiet" onClick=${() => showKeys(true)} aria-label=${t("Keyboard")} title=${t("Keyboard")}>?</button>
      <${Theme} />
      <button class="quiet" lang=${language() === "en" ? "zh-CN" : "en"} onClick=${() => (setLanguage(language() === "en" ? "zh" : "en"), turn(Date.now()))}>${language() === "en" ? "中文" : "English"}</button>
    </header>
    <main id="main" tabindex="-1" key=${language()}>${view(route)}</main>
    <${Announcer} />
    ${showsKeys && html`<${Keyboard} close=${() => showKeys(false)} />`}
  `;
}

const THEMES = ["auto", "light", "dark"];
function Theme() {
  const [theme, set] = useState(localStorage.getItem("fun-local-console-theme") ?? "auto");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("fun-local-console-theme", theme);
  }, [theme]);
  const names = { auto: t("as the system"), light: t("light"), dark: t("dark") };
  const label = t("Colours: {name}", { name: names[theme] });
  return html`<button class="quiet theme" aria-label=${label} title=${label} onClick=${() => set(THEMES[(THEMES.indexOf(theme) + 1) % 3])}>
    <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="5.5" /><path d=${theme === "dark" ? "M8 2.5a5.5 5.5 0 0 1 0 11 5.5 5.5 0 0 1 0-11z" : theme === "light" ? "M0 0" : "M8 2.5a5.5 5.5 0 0 1 0 11z"} /></svg>
  </button>`;
}

function Keyboard({ close }) {
  const line = (keys, what) => html`<div><dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${what}</dd></div>`;
  return html`<${Dialog} title=${t("Keyboard")} close=${close}>
    <dl class="keys">
      ${line(["g", "e"], t("Executions"))} ${line(["g", "f"], t("Functions"))} ${line(["g", "q"], t("Queues"))} ${line(["g", "s"], t("Submit"))}
      ${line(["/"], t("search"))} ${line(["j", "k"], t("next, previous execution"))} ${line(["Enter"], t("open it"))} ${line(["x"], t("select it"))}
      ${line(["r"], t("run again"))} ${line(["s"], t("stop"))} ${line(["c"], t("copy the payload"))} ${line(["Ctrl", "Enter"], t("submit the payload"))}
      ${line(["Esc"], t("close a dialog"))} ${line(["?"], t("this list"))}
    </dl>
    <div class="buttons"><button onClick=${close} autofocus>${t("Close")}</button></div>
  <//>`;
}

function Locked({ problem }) {
  const [text, set] = useState("");
  const [error, setError] = useState(problem);
  const enter = async (event) => {
    event.preventDefault();
    try {
      await openSession(text.trim().split("token=").pop());
      location.reload();
    } catch (found) {
      setError(found);
    }
  };
  return html`<main class="locked">
    <h1 class="brand"><img src="/console/static/icon.svg" alt="" width="28" height="28" />fun-local</h1>
    <p>${t("This browser is not let in yet. Get a link with:")}</p>
    <pre>fun console</pre>
    <form onSubmit=${enter}>
      <label class="tall">${t("Or paste the link here")}<input value=${text} autocomplete="off" spellcheck="false" required onInput=${(event) => set(event.target.value)} /></label>
      <button class="primary">${t("Enter")}</button>
    </form>
    <${Problem} error=${error} />
  </main>`;
}

async function start() {
  document.documentElement.dataset.theme = localStorage.getItem("fun-local-console-theme") ?? "auto";
  const root = document.getElementById("app");
  const token = location.hash.match(/^#token=(.+)$/)?.[1];
  if (token) {
    history.replaceState(null, "", location.pathname + location.search);
    try {
      await openSession(token);
    } catch (problem) {
      // A link opened twice in a browser that is in already does no harm.
      if (!(await get("/local/status").catch(() => null))) {
        root.textContent = "";
        return void render(html`<${Locked} problem=${problem} />`, root);
      }
    }
  }
  root.textContent = "";
  render(html`<${Page} />`, root);
}

start();
