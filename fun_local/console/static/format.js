// Times, sizes and texts for people. Pure.
import { language } from "./words.js";

const pad = (number, width = 2) => String(number).padStart(width, "0");

export function clock(ms) {
  const date = new Date(ms);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

// As short as it is clear: the time of day, with the date where that is another one.
export function moment(ms, now = Date.now()) {
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date(now).toDateString();
  return isToday ? clock(ms) : `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clock(ms)}`;
}

export const clockExactly = (ms) => `${clock(ms)}.${pad(ms % 1000, 3)}`;

export const exactly = (ms) => `${moment(ms, 0)}.${pad(ms % 1000, 3)}`;

export function duration(ms) {
  if (ms == null) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : ms < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  const parts = (high, low) => (low.startsWith("00") ? high : `${high} ${low}`);
  if (seconds < 3600) return parts(`${Math.floor(seconds / 60)} min`, `${pad(seconds % 60)} s`);
  if (seconds < 48 * 3600) return parts(`${Math.floor(seconds / 3600)} h`, `${pad(Math.floor(seconds / 60) % 60)} min`);
  return parts(`${Math.floor(seconds / 86_400)} d`, `${pad(Math.floor(seconds / 3600) % 24)} h`);
}

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} kB` : `${(count / 1024 / 1024).toFixed(1)} MB`;
}

export const number = (count) => new Intl.NumberFormat(language()).format(count);

// JSON with line breaks; null where the text is none.
export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

// A word for a shell.
export const quoted = (text) => (/^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// "15m", "2h", "7d" as milliseconds ago; anything else as a moment of the clock. NaN where it is neither.
export function since(text, now = Date.now()) {
  const found = text.match(/^(\d+)([smhd])$/);
  if (found) return now - Number(found[1]) * { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[found[2]];
  return Date.parse(text);
}
