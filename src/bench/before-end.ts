/** What a process must not leave behind, however it ends short of being killed. */

/** Returns a function that does the work, once; if nobody has called it by then, the process's end does. */
export function beforeEnd(work: () => void): () => void {
  const once = (): void => {
    process.off('exit', once);
    work();
  };
  process.once('exit', once);
  return once;
}
