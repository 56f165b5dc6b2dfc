/** Follows the changes of one row, if its table has a change feed. */
import { useEffect, useState } from 'preact/hooks';
import { followEvents } from '../client/event-stream.js';
import { tablePath } from '../client/paths.js';
import { changeOf, type ShownChange } from './change-log.js';

/** The last change of the row since this part of the page is shown; a gap may hide one. */
export function useRowWatch(table: string, key: string, hasFeed: boolean): ShownChange | undefined {
  const [last, setLast] = useState<ShownChange>();
  useEffect(() => {
    if (!hasFeed) return;
    return followEvents({
      path: `${tablePath(table)}/changes`,
      query: { prefix: key },
      onEvent: ({ data }) => {
        const change = changeOf(data, Date.now());
        if (change !== undefined && (change.type === 'gap' || change.key === key)) setLast(change);
      },
    });
  }, [table, key, hasFeed]);
  return last;
}
