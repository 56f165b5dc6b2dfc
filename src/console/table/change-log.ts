/** The latest changes of a table as its feed sends them. Bounded: the oldest leave when more come. */

export const CHANGES_KEPT = 500;

export interface ShownChange {
  readonly type: string;
  readonly sequence: number;
  /** Not of a gap. */
  readonly key?: string;
  readonly revision?: number;
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number;
}

export interface ChangeLog {
  /** The latest first. */
  readonly changes: readonly ShownChange[];
  /** Changes that arrived, including those that were dropped; a gap does not count. */
  readonly received: number;
  readonly gaps: number;
  /** While the list is paused: what arrived since, the latest first, as bounded as the list. */
  readonly held: readonly ShownChange[];
  readonly isPaused: boolean;
}

export const EMPTY_LOG: ChangeLog = { changes: [], received: 0, gaps: 0, held: [], isPaused: false };

/** With the changes that arrived, in the order of their arrival. */
export function withChanges(log: ChangeLog, arrived: readonly ShownChange[]): ChangeLog {
  if (arrived.length === 0) return log;
  const gaps = arrived.filter(({ type }) => type === 'gap').length;
  const counted = { ...log, received: log.received + arrived.length - gaps, gaps: log.gaps + gaps };
  return log.isPaused
    ? { ...counted, held: latest(arrived, log.held) }
    : { ...counted, changes: latest(arrived, log.changes) };
}

export function paused(log: ChangeLog): ChangeLog {
  return { ...log, isPaused: true };
}

/** Shows what arrived in the meantime. */
export function resumed(log: ChangeLog): ChangeLog {
  return { ...log, isPaused: false, held: [], changes: [...log.held, ...log.changes].slice(0, CHANGES_KEPT) };
}

function latest(arrived: readonly ShownChange[], before: readonly ShownChange[]): readonly ShownChange[] {
  return [...arrived.slice(-CHANGES_KEPT).reverse(), ...before].slice(0, CHANGES_KEPT);
}

/** The change in the data of an event; undefined for data of another form. */
export function changeOf(data: string, at: number): ShownChange | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, sequence, key, revision }: Partial<Record<string, unknown>> = value as Record<string, unknown>;
  if (typeof type !== 'string' || typeof sequence !== 'number') return undefined;
  return {
    type,
    sequence,
    at,
    ...(typeof key === 'string' && { key }),
    ...(typeof revision === 'number' && { revision }),
  };
}
