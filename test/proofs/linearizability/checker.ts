/** An operation of a concurrent history, with the times of its call and of its return. */
export interface Timed {
  readonly call: number;
  /**
   * Infinity for an operation whose process died during it: it may take effect at any time after its call, or never.
   */
  readonly return: number;
}

/** The sequential behaviour of one object: what it does when its operations come one after another. */
export interface Model<State, Operation> {
  readonly initial: State;
  /**
   * The state after an operation; undefined when the operation cannot have had its result in this state. The result of
   * an operation that never returned is ignored.
   */
  step(state: State, operation: Operation): { readonly state: State } | undefined;
  /** The same text for equal states, and only for those. */
  textOf(state: State): string;
}

/**
 * Why a history is not linearizable: the first operation that no order explains, and the operations that overlap it.
 */
export interface Violation<Operation> {
  readonly operation: Operation;
  readonly overlapping: readonly Operation[];
  /** The states that were possible before it. */
  readonly states: readonly string[];
}

/** Maximum number of operations on one object that may be open at once. */
const MAX_OPEN = 31;

interface Configuration<State> {
  readonly state: State;
  /** The open operations that have taken effect, as a bit set. */
  readonly done: number;
}

/**
 * Whether the history of one object is linearizable: whether each operation can have taken effect at one moment between
 * its call and its return. Returns undefined when it is.
 *
 * Wing and Gong's search in Lowe's just-in-time form: it goes through the events in order of time and keeps the set of
 * all configurations that explain them so far. An operation takes effect as late as possible, when an operation that
 * must return needs it; equal configurations are kept once. Time and space grow with the length of the history times
 * the number of configurations of the operations that are open at once.
 */
export function findViolation<State, Operation extends Timed>(
  history: readonly Operation[],
  model: Model<State, Operation>,
): Violation<Operation> | undefined {
  const open = new OpenOperations<Operation>();
  let configurations: Configuration<State>[] = [{ state: model.initial, done: 0 }];
  for (const { operation, isCall } of eventsOf(history)) {
    if (isCall) {
      open.add(operation);
      continue;
    }
    const slot = open.slotOf(operation);
    const after = explainReturn(configurations, slot, open, model);
    if (after.length === 0) {
      const states = [...new Set(configurations.map(({ state }) => model.textOf(state)))];
      return { operation, overlapping: open.all().filter((other) => other !== operation), states };
    }
    configurations = after;
    open.remove(slot);
  }
  return undefined;
}

/** Calls and returns in order of time; calls first at equal times, since the two operations then overlap. */
function eventsOf<Operation extends Timed>(history: readonly Operation[]) {
  const events = history.flatMap((operation) => {
    const call = { operation, isCall: true, time: operation.call };
    return operation.return === Number.POSITIVE_INFINITY
      ? [call]
      : [call, { operation, isCall: false, time: operation.return }];
  });
  return events.sort((a, b) => a.time - b.time || Number(b.isCall) - Number(a.isCall));
}

class OpenOperations<Operation> {
  readonly #slots: (Operation | undefined)[] = [];

  add(operation: Operation): void {
    const free = this.#slots.indexOf(undefined);
    const slot = free < 0 ? this.#slots.length : free;
    if (slot >= MAX_OPEN) throw new Error(`more than ${MAX_OPEN} operations of one object are open at once`);
    this.#slots[slot] = operation;
  }

  slotOf(operation: Operation): number {
    return this.#slots.indexOf(operation);
  }

  remove(slot: number): void {
    this.#slots[slot] = undefined;
  }

  at(slot: number): Operation | undefined {
    return this.#slots[slot];
  }

  get slots(): number {
    return this.#slots.length;
  }

  all(): Operation[] {
    return this.#slots.filter((operation) => operation !== undefined);
  }
}

/** Every configuration in which the operation in `slot` has taken effect, with that operation removed. */
function explainReturn<State, Operation>(
  before: readonly Configuration<State>[],
  slot: number,
  open: OpenOperations<Operation>,
  model: Model<State, Operation>,
): Configuration<State>[] {
  const bit = 1 << slot;
  const after = new Map<string, Configuration<State>>();
  const seen = new Set<string>();
  const todo = [...before];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { state, done } = next;
    const text = `${done} ${model.textOf(state)}`;
    if (seen.has(text)) continue;
    seen.add(text);
    if ((done & bit) !== 0) {
      after.set(text, { state, done: done & ~bit });
      continue;
    }
    for (let other = 0; other < open.slots; other++) {
      const operation = open.at(other);
      if (operation === undefined || (done & (1 << other)) !== 0) continue;
      const stepped = model.step(state, operation);
      if (stepped !== undefined) todo.push({ state: stepped.state, done: done | (1 << other) });
    }
  }
  return [...after.values()];
}
