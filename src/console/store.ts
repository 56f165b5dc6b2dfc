/** Values outside of components, which components follow. */
import { useEffect, useState } from 'preact/hooks';

export interface Store<T> {
  readonly value: T;
  set(value: T): void;
  /** Calls the listener after each change; returns a function that ends this. */
  subscribe(listener: () => void): () => void;
}

export function createStore<T>(initial: T): Store<T> {
  let current = initial;
  const listeners = new Set<() => void>();
  return {
    get value() {
      return current;
    },
    set(value) {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/** The value of a store; the component is drawn again whenever it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState(0);
  const drawn = store.value;
  useEffect(() => {
    const end = store.subscribe(() => redraw((count) => count + 1));
    // It may have changed between drawing and this effect.
    if (!Object.is(drawn, store.value)) redraw((count) => count + 1);
    return end;
  }, [store]);
  return drawn;
}
