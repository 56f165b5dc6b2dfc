/*
 * The memory model of arm64 for short programs without loops: enumerates every execution that it allows.
 *
 * An execution says for each load which store it reads from (`rf`), and for each location in which order its stores
 * take effect (`co`). The architecture allows it if
 * - the accesses to each location are in one order that agrees with the program (internal visibility),
 * - "observed before" between threads, together with the order that instructions have within a thread, has no cycle
 *   (external visibility: the processors agree on one order of all ordered accesses),
 * - no other store comes between the two halves of an exclusive change.
 *
 * Within a thread, an access comes before a later one
 * - if the later one is a store-release (STLR, STLXR), or the earlier one a load-acquire (LDAR, LDAXR);
 * - if the earlier one is a store-release and the later one a load-acquire;
 * - if the address or the value of the later one depends on what the earlier one has loaded;
 * - if there is a barrier between them, which JavaScript does not have, but the kernel has.
 * There is no order between the two halves of an exclusive change and plain accesses that these rules do not give: a
 * plain store after it may become visible before its STLXR.
 *
 * A load may read a store of its own thread before others see that store. Accesses of different sizes to one location
 * are not modelled, nor control dependencies, on which nothing relies.
 */

/** One instruction. The order of a thread's instructions is that of its program. */
export type Instruction =
  | {
      readonly kind: 'load';
      readonly register: string;
      readonly location: string;
      readonly acquires: boolean;
      /** Registers on which the address depends. */
      readonly address: readonly string[];
    }
  | {
      readonly kind: 'store';
      readonly location: string;
      readonly value: Value;
      readonly releases: boolean;
    }
  | {
      readonly kind: 'change';
      readonly register: string;
      readonly location: string;
      /** The change is made only if the location has this value; undefined: always. */
      readonly expected: number | undefined;
      readonly value: number;
    }
  | { readonly kind: 'barrier' };

/** A number, or a value that depends on a register. */
type Value = number | { readonly register: string; readonly plus: number };

export type Registers = Readonly<Record<string, number>>;

export interface Program {
  /** Values of the locations at the start; 0 for those that are not named. */
  readonly start: Readonly<Record<string, number>>;
  readonly threads: readonly (readonly Instruction[])[];
}

interface Event {
  readonly isStore: boolean;
  readonly thread: number;
  readonly location: string;
  /** L or A: release for stores, acquire for loads. */
  readonly isOrdered: boolean;
  readonly register: string;
  readonly value: Value;
  readonly address: readonly string[];
  /** Number of barriers before it in its thread. */
  readonly barriers: number;
  /** For the store of an exclusive change: index of its load. */
  readonly loadOfChange: number;
  /** For the load of a change: the value that it must have for the store to exist, and whether the store exists. */
  readonly expected: number | undefined;
  readonly succeeds: boolean;
}

const START = -1;
const NO_THREAD = -1;

/**
 * Whether the model allows an execution after which `found` is true for the registers and the final values of the
 * locations.
 */
export function isPossible(program: Program, found: (registers: Registers, end: Registers) => boolean): boolean {
  const changes = program.threads.flat().filter(({ kind }) => kind === 'change').length;
  for (let successes = 0; successes < 2 ** changes; successes++) {
    const events = eventsOf(program, successes);
    if (events !== undefined && new Search(program, events, found).succeeds()) return true;
  }
  return false;
}

/** Bit i of `successes`: whether the i-th change is made. Undefined if one that is always made is not. */
function eventsOf({ start, threads }: Program, successes: number): readonly Event[] | undefined {
  const events: Event[] = [];
  const plain = { register: '', value: 0, address: [], barriers: 0, loadOfChange: START, expected: undefined };
  for (const location of locationsOf({ start, threads })) {
    const value = start[location] ?? 0;
    events.push({ ...plain, isStore: true, thread: NO_THREAD, location, isOrdered: false, value, succeeds: true });
  }
  let change = 0;
  for (const [thread, instructions] of threads.entries()) {
    let barriers = 0;
    for (const instruction of instructions) {
      const rest = { ...plain, thread, barriers, succeeds: true };
      if (instruction.kind === 'barrier') {
        barriers++;
      } else if (instruction.kind === 'load') {
        const { register, location, address, acquires } = instruction;
        events.push({ ...rest, isStore: false, location, isOrdered: acquires, register, address });
      } else if (instruction.kind === 'store') {
        const { location, value, releases } = instruction;
        events.push({ ...rest, isStore: true, location, isOrdered: releases, value });
      } else {
        const { register, location, expected, value } = instruction;
        const succeeds = ((successes >>> change++) & 1) === 1;
        if (!succeeds && expected === undefined) return undefined;
        const loadOfChange = events.length;
        events.push({ ...rest, isStore: false, location, isOrdered: true, register, expected, succeeds });
        if (succeeds) events.push({ ...rest, isStore: true, location, isOrdered: true, value, loadOfChange });
      }
    }
  }
  return events;
}

function locationsOf({ start, threads }: Program): Set<string> {
  const locations = new Set(Object.keys(start));
  for (const instruction of threads.flat()) if (instruction.kind !== 'barrier') locations.add(instruction.location);
  return locations;
}

/** A relation: bit j of element i is set if event i is related to event j. */
type Relation = number[];

class Search {
  readonly #events: readonly Event[];
  readonly #found: (registers: Registers, end: Registers) => boolean;
  readonly #loads: readonly number[];
  readonly #locations: readonly string[];
  /** What each event reads from: the index of a store. */
  readonly #from: number[];
  /** The stores of each location, in the order in which they take effect. */
  readonly #orders = new Map<string, readonly number[]>();
  readonly #withinThread: Relation;

  constructor(program: Program, events: readonly Event[], found: (registers: Registers, end: Registers) => boolean) {
    // Relations have 32 bits.
    if (events.length > 32) throw new RangeError(`a program of ${events.length} accesses, at most 32`);
    this.#events = events;
    this.#found = found;
    this.#loads = events.flatMap(({ isStore }, i) => (isStore ? [] : [i]));
    this.#locations = [...locationsOf(program)];
    this.#from = events.map(() => START);
    this.#withinThread = this.#orderWithinThreads();
  }

  succeeds(): boolean {
    return this.#chooseSource(0);
  }

  #chooseSource(next: number): boolean {
    if (next === this.#loads.length) return this.#check();
    const load = this.#loads[next];
    const { location, thread } = this.#events[load];
    for (const [store, { isStore, location: stored, thread: storer }] of this.#events.entries()) {
      if (!isStore || stored !== location || (storer === thread && store > load)) continue;
      this.#from[load] = store;
      if (this.#chooseSource(next + 1)) return true;
    }
    return false;
  }

  #check(): boolean {
    const values = this.#valuesOfStores();
    if (values === undefined) return false;
    const registers: Record<string, number> = {};
    for (const load of this.#loads) {
      const { register, expected, succeeds } = this.#events[load];
      const value = values[this.#from[load]];
      if (expected !== undefined && (value === expected) !== succeeds) return false;
      registers[register] = value;
    }
    return this.#chooseOrder(0, registers, values);
  }

  #valuesOfStores(): number[] | undefined {
    const values: number[] = this.#events.map(({ value }) => (typeof value === 'number' ? value : Number.NaN));
    for (const _ of this.#events) {
      for (const [store, { isStore, value, thread }] of this.#events.entries()) {
        if (!isStore || typeof value === 'number') continue;
        const load = this.#events.findIndex((event) => event.thread === thread && event.register === value.register);
        values[store] = values[this.#from[load]] + value.plus;
      }
    }
    return values.some((value) => Number.isNaN(value)) ? undefined : values;
  }

  #chooseOrder(next: number, registers: Registers, values: readonly number[]): boolean {
    if (next === this.#locations.length) {
      const end = Object.fromEntries(
        [...this.#orders].map(([location, order]) => [location, values[order.at(-1) ?? 0]]),
      );
      return this.#found(registers, end) && this.#isAllowed();
    }
    const location = this.#locations[next];
    const stores = this.#events.flatMap((event, i) => (event.isStore && event.location === location ? [i] : []));
    for (const order of ordersOf(stores.slice(1), this.#events)) {
      this.#orders.set(location, [stores[0], ...order]);
      if (this.#chooseOrder(next + 1, registers, values)) return true;
    }
    return false;
  }

  #isAllowed(): boolean {
    const events = this.#events;
    const empty = (): Relation => events.map(() => 0);
    const internal = empty();
    const external = [...this.#withinThread];
    const relate = (from: number, to: number): void => {
      internal[from] |= 1 << to;
      if (events[from].thread !== events[to].thread) external[from] |= 1 << to;
    };
    for (let a = 0; a < events.length; a++) {
      for (let b = a + 1; b < events.length; b++) {
        if (events[a].thread === events[b].thread && events[a].location === events[b].location) internal[a] |= 1 << b;
      }
    }
    for (const load of this.#loads) relate(this.#from[load], load);
    for (const order of this.#orders.values()) {
      for (let i = 0; i < order.length; i++) {
        for (let j = i + 1; j < order.length; j++) relate(order[i], order[j]);
      }
    }
    for (const load of this.#loads) {
      const order = this.#orders.get(events[load].location) ?? [];
      for (const later of order.slice(order.indexOf(this.#from[load]) + 1)) if (later !== load) relate(load, later);
    }
    return this.#changesAreAtomic() && isAcyclic(internal) && isAcyclic(external);
  }

  #changesAreAtomic(): boolean {
    return this.#events.every((event, store) => {
      if (event.loadOfChange === START) return true;
      const order = this.#orders.get(event.location) ?? [];
      const between = order.slice(order.indexOf(this.#from[event.loadOfChange]) + 1, order.indexOf(store));
      return between.every((other) => this.#events[other].thread === event.thread);
    });
  }

  #orderWithinThreads(): Relation {
    const events = this.#events;
    const relation = events.map(() => 0);
    for (const [a, first] of events.entries()) {
      for (let b = a + 1; b < events.length; b++) {
        const second = events[b];
        if (first.thread !== second.thread || first.thread === NO_THREAD) continue;
        const acquires = !first.isStore && first.isOrdered;
        const releases = second.isStore && second.isOrdered;
        const fromReleaseToAcquire = first.isStore && first.isOrdered && !second.isStore && second.isOrdered;
        const depends =
          !first.isStore &&
          (second.address.includes(first.register) ||
            (typeof second.value !== 'number' && second.value.register === first.register));
        const isChange = second.loadOfChange === a;
        const isSeparated = first.barriers !== second.barriers;
        if (acquires || releases || fromReleaseToAcquire || depends || isChange || isSeparated) relation[a] |= 1 << b;
      }
    }
    return relation;
  }
}

/** The orders of a location's stores in which those of one thread are in the order of its program. */
function* ordersOf(stores: readonly number[], events: readonly Event[]): Generator<number[]> {
  if (stores.length === 0) yield [];
  for (const [i, store] of stores.entries()) {
    if (stores.slice(0, i).some((other) => events[other].thread === events[store].thread)) continue;
    for (const rest of ordersOf([...stores.slice(0, i), ...stores.slice(i + 1)], events)) yield [store, ...rest];
  }
}

function isAcyclic(relation: Relation): boolean {
  const reached = [...relation];
  for (let middle = 0; middle < reached.length; middle++) {
    for (let from = 0; from < reached.length; from++) {
      if (((reached[from] >>> middle) & 1) === 1) reached[from] |= reached[middle];
    }
  }
  return reached.every((to, from) => ((to >>> from) & 1) === 0);
}
