/** Data that a part of a page loads, again when what it depends on changes. */
import { useEffect, useRef, useState } from 'preact/hooks';

export interface Loaded<T> {
  /** The last one that was loaded; it stays while another is loaded. */
  readonly value: T | undefined;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
  /** Shows this instead of what was loaded. */
  readonly replace: (value: T) => void;
}

/** `load` is called for each new value of `subject`; undefined loads nothing. Only the latest result counts. */
export function useLoaded<T>(subject: string | undefined, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'reload' | 'replace'> & { readonly of: string | undefined }>({
    of: undefined,
    value: undefined,
    error: undefined,
    isLoading: subject !== undefined,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (subject === undefined) return;
    const ended = new AbortController();
    setState((before) => ({
      of: subject,
      value: before.of === subject ? before.value : undefined,
      error: undefined,
      isLoading: true,
    }));
    latest.current(ended.signal).then(
      (value) => {
        if (!ended.signal.aborted) setState({ of: subject, value, error: undefined, isLoading: false });
      },
      (error: unknown) => {
        if (!ended.signal.aborted) setState((before) => ({ ...before, error, isLoading: false }));
      },
    );
    return () => ended.abort();
  }, [subject, round]);
  return {
    ...state,
    reload: () => setRound((count) => count + 1),
    replace: (value) => setState({ of: subject, value, error: undefined, isLoading: false }),
  };
}
