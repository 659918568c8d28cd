// The page's words in two languages. English texts are their own keys; {name} stands for a value, {name|one|many}
// for the word that goes with it.
import { CHINESE } from "./chinese.js";

const STORED = "fun-local-console-language";
let current = localStorage.getItem(STORED) ?? (navigator.language.startsWith("zh") ? "zh" : "en");
document.documentElement.lang = current === "zh" ? "zh-CN" : "en";

export const language = () => (current === "zh" ? "zh-CN" : "en");

export function setLanguage(name) {
  localStorage.setItem(STORED, name);
  current = name;
  document.documentElement.lang = language();
}

export function t(text, values) {
  const found = (current === "zh" && CHINESE[text]) || text;
  if (!values) return found;
  return found.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name, one, many) => {
    if (many === undefined) return values[name];
    return Number(values[name]) === 1 ? one : many;
  });
}
