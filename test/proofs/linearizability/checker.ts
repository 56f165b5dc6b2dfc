/** An operation of a concurrent history, with the times of its call and of its return. */
export interface Timed {
  readonly call: number;
  /** Infinity for an operation whose process died in it: it may take effect at any time after its call, or never. */
  readonly return: number;
}

/** What one object does when its operations come one after another. */
export interface Model<State, Operation> {
  readonly initial: State;
  /**
   * The state after an operation, undefined when it cannot have had its result in this state. The result of an
   * operation that never returned is not looked at.
   */
  step(state: State, operation: Operation): { readonly state: State } | undefined;
  /** The same text for equal states and no others. */
  textOf(state: State): string;
}

/** What is wrong with a history: the first operation that no order explains, and what overlapped it. */
export interface Violation<Operation> {
  readonly operation: Operation;
  readonly overlapping: readonly Operation[];
  /** States that were possible before it. */
  readonly states: readonly string[];
}

/** More operations of one object may not be open at once. */
const MAX_OPEN = 31;

interface Configuration<State> {
  readonly state: State;
  /** Bit set of the open operations that have taken effect. */
  readonly done: number;
}

/**
 * Whether the history of one object is linearizable: whether each operation can have taken effect at one moment between
 * its call and its return. Undefined when it is.
 *
 * Wing and Gong's search in Lowe's just-in-time form: events in order of time, and the set of all configurations that
 * explain them so far. An operation is given its place as late as possible, when one must return that needs it; equal
 * configurations are kept once. Time and space grow with the history times the configurations of what is open at once.
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

/** Calls and returns in order of time; of equal times calls first, for then the two overlap. */
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

/** Every configuration in which the operation in `slot` has taken effect, without it. */
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
