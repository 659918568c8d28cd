// What every part of the page imports: the view library, and how a part asks for data and shows that it fails.
import { html, render, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/preact.js";

export { html, render, useEffect, useLayoutEffect, useMemo, useRef, useState };

// Loads when `keys` change and when `reload` is called; keeps what it has while it loads anew. What was asked
// for earlier and comes later is dropped.
export function useLoaded(load, keys) {
  const [state, set] = useState({ data: null, error: null });
  const turn = useRef(0);
  const reload = async () => {
    const mine = ++turn.current;
    try {
      const data = await load();
      if (mine === turn.current) set({ data, error: null });
    } catch (error) {
      if (mine === turn.current) set((old) => ({ data: old.data, error }));
    }
  };
  useEffect(() => {
    set({ data: null, error: null });
    reload();
    return () => void turn.current++;
  }, keys);
  return { ...state, reload, set: (data) => set({ data, error: null }) };
}

// Calls `act` every so many milliseconds while the page is seen.
export function useInterval(act, milliseconds) {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!milliseconds) return undefined;
    const timer = setInterval(() => document.hidden || latest.current(), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}

// The time, again and again while `active`.
export function useNow(active, milliseconds = 500) {
  const [now, set] = useState(Date.now());
  useInterval(() => set(Date.now()), active ? milliseconds : 0);
  return Math.max(now, active ? Date.now() : 0);
}
