// The page's words in two languages. English texts are their own keys; {name} stands for a value.
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
  return values ? found.replace(/\{(\w+)\}/g, (_, name) => values[name]) : found;
}
