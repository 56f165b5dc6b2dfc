/** The changes of a table as events of a stream. */
import type { Change, Gap } from '../table/types.js';
import type { EventSource } from './event-stream.js';

/** A source of changes: a watch, ended by `return`. */
export interface ChangeSource extends AsyncIterableIterator<Change | Gap> {
  /** The sequence number up to which every change was sent or did not match the prefix. */
  readonly position: number;
}

/** How a stream begins, and the ids of its events. Ids identify the table, because another one may get its name. */
interface StreamStart {
  /** The id of an event, which a client sends back to resume after it. */
  idOf(sequence: number): string;
  /** Whether it is unknown what the client has missed. */
  readonly hasMissed: boolean;
}

export function changeEvents(changes: ChangeSource, { idOf, hasMissed }: StreamStart): EventSource {
  const textOf = (change: Change | Gap): string =>
    `id: ${idOf(change.sequence)}\nevent: ${change.type}\ndata: ${JSON.stringify(change)}\n\n`;
  let isGapDue = hasMissed;
  return {
    async next() {
      if (isGapDue) {
        isGapDue = false;
        return { done: false, value: textOf({ type: 'gap', sequence: changes.position }) };
      }
      const { done, value } = await changes.next();
      return done ? { done, value: undefined } : { done: false, value: textOf(value) };
    },
    async return() {
      await changes.return?.();
      return { done: true, value: undefined };
    },
    /**
     * A comment with an id is not an event, but sets the id that a client sends when it reconnects before the next
     * event, so that changes outside its prefix do not become a gap.
     */
    afterComment: () => `id: ${idOf(changes.position)}\n`,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
