/** Clean-up that runs however a process ends, unless it is killed. */

/** Returns a function that does the work once; if it has not been called by then, it runs when the process exits. */
export function beforeEnd(work: () => void): () => void {
  const once = (): void => {
    process.off('exit', once);
    work();
  };
  process.once('exit', once);
  return once;
}
