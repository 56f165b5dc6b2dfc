import { isUtf8 } from 'node:buffer';
import { hasCode, ShmTableError } from '../errors.js';
import { bootTimeMs, pause } from '../memory/index.js';
import type { TableHandle } from '../table/table-handle.js';
import type { Columns } from '../table/types.js';
import { ClusterNodes } from './cluster-nodes.js';
import { FeedConnection, type FeedConnectionParts } from './feed-connection.js';
import * as layout from './feed-layout.js';
import type { FeedMemory } from './feed-memory.js';
import { findNearStore } from './near-store.js';
import type { NodeAddress, ParsedConnection } from './options.js';
import type { RedisModule } from './redis-client.js';
import { SLOTS } from './slots.js';

/** How often the topology is asked for, at least. */
const TOPOLOGY_MS = 1_000;
/** How long the removal of a row may wait for a lock: then the grant is voided instead. */
const LOCK_MS = 100;
const SHORTEST_BEAT_MS = 5;

/** Which feed this is. */
export interface FeedIdentity {
  readonly namespace: string;
  readonly cluster: string;
  readonly connection: ParsedConnection;
}

/**
 * Follows the changes of all tables of one namespace in one cluster, for all processes of this host: a connection to each
 * primary, whose invalidations are applied to the near tables, and a map of the slots. One thread of the host runs it:
 * see `feed-thread.ts`.
 */
export class Feed {
  readonly #identity: FeedIdentity;
  readonly #memory: FeedMemory;
  readonly #module: RedisModule;
  readonly #nodes: ClusterNodes;
  readonly #connections = new Map<string, FeedConnection>();
  /** What the keys of registered tables begin with, by index; and their near tables, by name. */
  readonly #prefixes = new Map<number, Buffer>();
  readonly #stores = new Map<string, TableHandle<Columns> | undefined>();
  /** That of the last key: most keys are of the same table as the one before. */
  #lastPrefix: { readonly name: string; readonly bytes: Buffer } | undefined;
  readonly #parts: FeedConnectionParts;
  #moved: number;
  #isLooking = false;
  #lookedMs: number = Number.NEGATIVE_INFINITY;

  private constructor(identity: FeedIdentity, memory: FeedMemory, module: RedisModule, nodes: ClusterNodes) {
    this.#identity = identity;
    this.#memory = memory;
    this.#module = module;
    this.#nodes = nodes;
    this.#moved = Atomics.load(memory.words, layout.MOVED);
    this.#parts = {
      module: this.#module,
      connection: identity.connection,
      memory,
      channel: `shm:${identity.namespace}:feed`,
      tables: this.#prefixes,
      apply: (key) => this.#apply(key),
      onMoved: () => memory.noteMoved(),
      onGranted: () => this.#tellWhatIsTrusted(),
    };
  }

  /**
   * Runs until the segment is destroyed. The caller holds the feed's lock, and has voided all grants. `early` are the
   * connections that it made while it stood by, if it could.
   */
  static async run(
    identity: FeedIdentity,
    memory: FeedMemory,
    module: RedisModule,
    early: ClusterNodes | undefined,
  ): Promise<void> {
    let nodes = early;
    while (nodes === undefined) {
      if (memory.isDestroyed) return;
      nodes = await ClusterNodes.connect(identity.connection).catch((error) => {
        memory.noteProblem(hasCode(error, 'ERR_PERMISSION') ? layout.REFUSED : layout.UNREACHABLE);
        return pause(TOPOLOGY_MS).then(() => undefined);
      });
    }
    await new Feed(identity, memory, module, nodes).#run();
  }

  get #beatMs(): number {
    return Math.max(SHORTEST_BEAT_MS, Atomics.load(this.#memory.words, layout.HEARTBEAT));
  }

  async #run(): Promise<void> {
    while (!this.#memory.isDestroyed) {
      const began = bootTimeMs();
      this.#findTables();
      const moved = Atomics.load(this.#memory.words, layout.MOVED);
      if (moved !== this.#moved || began - this.#lookedMs > TOPOLOGY_MS) {
        this.#moved = moved;
        void this.#look();
      }
      for (const connection of this.#connections.values()) connection.beat();
      this.#tellWhatIsTrusted();
      await pause(Math.max(1, this.#beatMs - (bootTimeMs() - began)));
    }
    for (const connection of this.#connections.values()) connection.close();
    this.#nodes.close();
  }

  #tellWhatIsTrusted(): void {
    const problems = [...this.#connections.values()].map(({ problem }) => problem);
    this.#memory.noteProblem(problems.find((problem) => problem !== layout.NO_PROBLEM) ?? layout.NO_PROBLEM);
    this.#mapSlots();
  }

  /**
   * Notices tables that were registered. Their near tables are opened before their keys are tracked; one that cannot be
   * opened is not tracked, so nothing is stored in it.
   */
  #findTables(): void {
    for (let index = 0; index < layout.TABLES; index++) {
      if (this.#prefixes.has(index)) continue;
      const name = this.#memory.tableAt(index);
      if (name === undefined) continue;
      try {
        this.#store(name);
      } catch (error) {
        if (!(error instanceof ShmTableError)) throw error;
        continue;
      }
      this.#prefixes.set(index, Buffer.from(`shm:${this.#identity.namespace}:${name}:`));
    }
  }

  #store(name: string): TableHandle<Columns> | undefined {
    const known = this.#stores.get(name);
    if (known !== undefined && !known.isClosed) return known;
    known?.close();
    const found = findNearStore(this.#identity, name, LOCK_MS);
    this.#stores.set(name, found);
    return found;
  }

  /**
   * Removes the row of a key, if the near table has it. A place that is held only after this look belongs to a read that
   * is sent after the write has been executed.
   */
  #apply(key: Buffer): void {
    this.#memory.countInvalidation();
    const prefix = this.#prefixOf(key);
    if (prefix === undefined) return;
    const { name, bytes } = prefix;
    const text = textAfter(key, bytes.length);
    if (text === undefined) return;
    for (let tries = 0; tries < 2; tries++) {
      const store = this.#store(name);
      if (store === undefined) return;
      try {
        if (store.presence(text) === true) store.writer.remove(text);
        return;
      } catch (error) {
        // A key that is too long for the table has no row in it.
        if (hasCode(error, 'ERR_KEY_INVALID')) return;
        if (!hasCode(error, 'ERR_TABLE_CLOSED') || tries > 0) throw error;
      }
    }
  }

  #prefixOf(key: Buffer): { readonly name: string; readonly bytes: Buffer } | undefined {
    const last = this.#lastPrefix;
    if (last !== undefined && beginsWith(key, last.bytes)) return last;
    for (const [index, bytes] of this.#prefixes) {
      const name = this.#memory.tableAt(index);
      if (name === undefined || !beginsWith(key, bytes)) continue;
      this.#lastPrefix = { name, bytes };
      return this.#lastPrefix;
    }
    return undefined;
  }

  /** Asks who owns which slot, and makes or ends connections accordingly. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#nodes.look();
      this.#lookedMs = bootTimeMs();
      this.#follow();
    } catch {
      // Nobody answers: nothing is proved meanwhile, and it is asked again at the next beat.
    } finally {
      this.#isLooking = false;
    }
  }

  #follow(): void {
    const slots = new Map<string, { readonly address: NodeAddress; readonly slots: number[] }>();
    for (let slot = 0; slot < SLOTS; slot++) {
      const owner = this.#nodes.ownerOf(slot);
      if (owner === undefined) continue;
      const own = slots.get(owner.address) ?? { address: { host: owner.host, port: owner.port }, slots: [] };
      own.slots.push(slot);
      slots.set(owner.address, own);
    }
    for (const [name, { address, slots: own }] of slots) {
      let connection = this.#connections.get(name);
      if (connection === undefined || connection.isClosed) {
        if (this.#prefixes.size === 0) continue;
        connection = new FeedConnection(address, this.#parts, connection?.problem);
        this.#connections.set(name, connection);
      }
      connection.slots = own;
    }
    for (const [name, connection] of this.#connections) {
      if (slots.has(name)) continue;
      connection.close();
      this.#connections.delete(name);
    }
    this.#mapSlots();
  }

  /**
   * Writes the grant of its owner for every slot. A grant that has lost a slot never has it again: the server may have
   * removed the rows, which some do without a word, and what was stored of them would count again.
   */
  #mapSlots(): void {
    let last: ReturnType<ClusterNodes['ownerOf']>;
    let connection: FeedConnection | undefined;
    for (let slot = 0; slot < SLOTS; slot++) {
      const owner = this.#nodes.ownerOf(slot);
      if (owner !== last) {
        connection = owner && this.#connections.get(owner.address);
        last = owner;
      }
      const before = this.#memory.grantOf(slot);
      if (before === (connection?.grant ?? 0)) continue;
      if (before !== 0) this.#connectionWith(before)?.lost.add(slot);
      if (connection?.lost.has(slot)) connection.revoke();
      this.#memory.setSlot(slot, connection?.grant ?? 0);
    }
  }

  #connectionWith(grant: number): FeedConnection | undefined {
    return [...this.#connections.values()].find((connection) => connection.grant === grant);
  }
}

function beginsWith(key: Buffer, start: Buffer): boolean {
  if (key.length < start.length) return false;
  // From the end, where the prefixes of tables differ.
  for (let i = start.length - 1; i >= 0; i--) if (key[i] !== start[i]) return false;
  return true;
}

/** The rest of a key as text; undefined if it is empty or not UTF-8, as no row's is. */
function textAfter(key: Buffer, from: number): string | undefined {
  if (from >= key.length) return undefined;
  let all = 0;
  for (let i = from; i < key.length; i++) all |= key[i];
  // ASCII, which takes a third of the time.
  if (all < 0x80) return key.toString('latin1', from);
  const rest = key.subarray(from);
  return isUtf8(rest) ? rest.toString('utf8') : undefined;
}
