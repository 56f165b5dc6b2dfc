import { bootTimeMs, pause } from '../memory/index.js';
import { DOWN, NO_PROBLEM, REFUSED, SILENT, UNREACHABLE } from './feed-layout.js';
import { addressHash, type FeedMemory } from './feed-memory.js';
import { canaryKey, probeKey } from './key-walk.js';
import type { NodeAddress, ParsedConnection } from './options.js';
import { clientOptions, type RedisClient, type RedisModule } from './redis-client.js';
import { isForLater, redirectOf } from './server-errors.js';

/** Heartbeats that may be unanswered at a time. */
const MAX_UNANSWERED = 20;
/** A connection that has been silent for this many heartbeats is ended. */
const SILENT_HEARTBEATS = 30;
/** How long a canary lives, and after how long without its invalidation another one is sent. */
const CANARY_MS = 1_000;

/** What the connections of a feed share. */
export interface FeedConnectionParts {
  readonly module: RedisModule;
  readonly connection: ParsedConnection;
  readonly memory: FeedMemory;
  /** What the channel to which the connection subscribes is named. */
  readonly channel: string;
  /** A table by its index in the registry: its name, and what its keys begin with. */
  readonly tables: ReadonlyMap<number, Buffer>;
  /** Removes a row from its near table. Throws when that is impossible. */
  readonly apply: (key: Buffer) => void;
  /** Called when the server says that it does not own a slot. */
  readonly onMoved: () => void;
  /** Called when a connection has a new grant. */
  readonly onGranted: () => void;
}

/**
 * The connection of a feed to one primary: it receives every invalidation of the tables' keys in the order in which the
 * primary executed the writes, and proves by heartbeats how far it has come.
 *
 * - It subscribes to a channel, so the server counts it among the subscribers and limits what it queues for it. The
 *   output of a normal client is unlimited: a feed that stands still would fill the server's memory.
 * - It trusts the tracking of a table only after it has received the invalidation of a key that it has written itself.
 *   Proxies and other engines accept the command and send nothing; a server that filters by rights sends nothing either.
 * - A heartbeat asks for the state of the cluster and for a key of a slot that the server owns. A primary that is cut off
 *   from the others, or has become a replica, would answer a PING for ever.
 */
export class FeedConnection {
  readonly address: NodeAddress;
  readonly #parts: FeedConnectionParts;
  readonly #hash: readonly [number, number];
  readonly #client: RedisClient;
  /** Tables that are tracked, and those whose canary has come back. */
  readonly #tracked = new Set<number>();
  readonly #covered = new Set<number>();
  /** Canaries that are expected, by key, with their table. */
  readonly #canaries = new Map<string, number>();
  #canarySentMs: number = Number.NEGATIVE_INFINITY;
  #canariesSent: number = 0;
  /** A slot that the server owns. */
  slots: readonly number[] = [];
  /** Slots that the server has had under the present grant, and lost. */
  readonly lost = new Set<number>();
  #grant: number = 0;
  #isReady = false;
  #isClosed = false;
  #unanswered: number = 0;
  /** Heartbeats since the last answer. Not a time: a feed that has stood still itself must not blame the server. */
  #beatsInSilence: number = 0;
  /** When the last heartbeat that was answered was sent. */
  #lastSentMs: number | undefined;
  #problem: number;

  /** @param problem that of the connection before it */
  constructor(address: NodeAddress, parts: FeedConnectionParts, problem: number = NO_PROBLEM) {
    this.address = address;
    this.#parts = parts;
    this.#problem = problem;
    this.#hash = addressHash(`${address.host}:${address.port}`);
    const { module, connection } = parts;
    this.#client = new module.RedisClient({
      ...clientOptions(module, address, connection),
      RESP: 3,
      clientSideCache: this.#tracking(),
    });
    for (const event of ['error', 'end', 'terminated'] as const) this.#client.on(event, (error) => this.#fail(error));
    this.#open().catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#note(error);
    this.close();
  }

  /** Remembers why there is no grant. */
  #note(error: unknown): void {
    if (!(error instanceof this.#parts.module.ErrorReply)) this.#problem = UNREACHABLE;
    else this.#problem = isForLater(error) ? DOWN : REFUSED;
  }

  /** Why it has no grant: one of the problems of the layout. */
  get problem(): number {
    return this.#grant === 0 ? this.#problem : NO_PROBLEM;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The grant of this connection; 0 as long as it has none. */
  get grant(): number {
    return this.#grant;
  }

  /** What the library takes for its cache: it turns tracking on, and receives the invalidations as they arrive. */
  #tracking(): object {
    const { module } = this.#parts;
    const track = (): string[] => this.#trackCommand([...this.#parts.tables.keys()]);
    const received = (key: Buffer | string | null): void => this.#received(key);
    const lost = (): void => this.close();
    class Tracking extends module.BasicClientSideCache {
      trackingOn(): string[] {
        return track();
      }
      invalidate(key: Buffer | string | null): void {
        received(key);
      }
      onError(): void {
        lost();
      }
      onClose(): void {
        lost();
      }
    }
    return new Tracking();
  }

  #trackCommand(tables: readonly number[]): string[] {
    const prefixes = new Set<string>();
    for (const table of tables) {
      this.#tracked.add(table);
      const prefix = this.#parts.tables.get(table);
      if (prefix !== undefined) prefixes.add(prefix.toString('latin1'));
    }
    return ['CLIENT', 'TRACKING', 'ON', 'BCAST', ...[...prefixes].flatMap((prefix) => ['PREFIX', prefix])];
  }

  async #open(): Promise<void> {
    const done = new AbortController();
    // A server that stands still accepts a connection, and then does not answer the greeting.
    void pause(this.#parts.connection.timeoutMs, done.signal).then(() => {
      if (!done.signal.aborted) this.#fail(undefined);
    });
    try {
      await this.#client.connect();
      await this.#client.subscribe(this.#parts.channel, () => {});
    } finally {
      done.abort();
    }
    this.#isReady = true;
    this.beat();
  }

  /** Sends a heartbeat, and whatever is missing before the connection can have a grant. */
  beat(): void {
    if (!this.#isReady || this.#isClosed) return;
    const { memory } = this.#parts;
    if (this.#beatsInSilence++ > SILENT_HEARTBEATS) {
      this.close();
      return;
    }
    // Somebody could not remove a row: what is stored under this grant is no longer trusted.
    if (this.#grant !== 0 && !memory.isGranted(this.#grant)) this.revoke();
    if (this.slots.length === 0 || this.#unanswered >= MAX_UNANSWERED) return;
    this.#track();
    void this.#heartbeat(bootTimeMs());
  }

  async #heartbeat(sentMs: number): Promise<void> {
    this.#unanswered++;
    // Only what was answered before this one is sent was answered in an earlier turn of the server for certain.
    const before = this.#lastSentMs;
    const [first] = this.slots;
    const [prefix] = this.#parts.tables.values();
    const [state, owned] = await Promise.allSettled([
      this.#client.sendCommand(['CLUSTER', 'INFO']),
      prefix === undefined ? undefined : this.#client.sendCommand(['GET', probeKey(prefix, first)]),
    ]);
    this.#unanswered--;
    if (this.#isClosed) return;
    const refused = owned.status === 'rejected' ? redirectOf(owned.reason) : undefined;
    if (refused?.kind === 'MOVED') {
      this.#beatsInSilence = 0;
      this.slots = this.slots.slice(1);
      this.#parts.onMoved();
      return;
    }
    // CLUSTERDOWN, LOADING, no answer: nothing is proved, and nothing is lost. The stream goes on.
    if (owned.status === 'rejected' && refused === undefined) {
      this.#note(owned.reason);
      if (owned.reason instanceof this.#parts.module.ErrorReply) this.#beatsInSilence = 0;
      return;
    }
    const isSound = state.status === 'fulfilled' ? isWorking(state.value) : isAlone(state.reason);
    this.#beatsInSilence = 0;
    if (!isSound) {
      if (state.status === 'rejected') this.#note(state.reason);
      else this.#problem = DOWN;
      return;
    }
    const { memory } = this.#parts;
    memory.noteRoundTrip(bootTimeMs() - sentMs);
    const isFirst = this.#lastSentMs === undefined;
    this.#lastSentMs = sentMs;
    // A grant needs two: the second follows at once.
    if (isFirst) void this.#heartbeat(bootTimeMs());
    if (isFirst || before === undefined) return;
    if (this.#covered.size === 0) {
      if (this.#canariesSent > 1 && this.#problem !== REFUSED) this.#problem = SILENT;
      return;
    }
    this.#problem = NO_PROBLEM;
    const isNew = this.#grant === 0;
    if (isNew) this.#grant = memory.grant(this.#hash, [...this.#covered]);
    memory.prove(this.#grant, before);
    if (isNew) this.#parts.onGranted();
  }

  /** Turns on tracking for tables that were added, and sends canaries for those that are not covered yet. */
  #track(): void {
    const { tables } = this.#parts;
    const added = [...tables.keys()].filter((table) => !this.#tracked.has(table));
    if (added.length > 0) this.#client.sendCommand(this.#trackCommand(added)).catch((error) => this.#fail(error));
    const now = bootTimeMs();
    const missing = [...tables.keys()].filter((table) => !this.#covered.has(table));
    if (missing.length === 0 || now - this.#canarySentMs < CANARY_MS) return;
    this.#canarySentMs = now;
    this.#canariesSent++;
    for (const table of missing) {
      const prefix = tables.get(table);
      if (prefix === undefined) continue;
      const key = canaryKey(prefix, this.slots[0]);
      this.#canaries.set(key.toString('latin1'), table);
      this.#client.sendCommand(['SET', key, String(now), 'PX', String(CANARY_MS)]).catch((error) => {
        // The slot has moved, or the right is missing: another one is sent later.
        if (redirectOf(error) === undefined) this.#note(error);
      });
    }
  }

  #received(key: Buffer | string | null): void {
    if (this.#isClosed) return;
    // Everything was removed.
    if (key === null) {
      this.revoke();
      return;
    }
    const bytes = typeof key === 'string' ? Buffer.from(key) : key;
    if (bytes[bytes.length - 1] === 0xff) {
      this.#canaryCame(bytes.toString('latin1'));
      return;
    }
    try {
      this.#parts.apply(bytes);
    } catch {
      this.revoke();
    }
  }

  #canaryCame(key: string): void {
    const table = this.#canaries.get(key);
    if (table === undefined) return;
    this.#canaries.delete(key);
    const prefix = this.#parts.tables.get(table);
    for (const [other, same] of this.#parts.tables) {
      if (prefix === undefined || !same.equals(prefix)) continue;
      this.#covered.add(other);
      if (this.#grant !== 0) this.#parts.memory.cover(this.#grant, other);
    }
  }

  /** Makes everything that was stored under the grant untrusted. The next one begins with two new heartbeats. */
  revoke(): void {
    this.lost.clear();
    if (this.#grant === 0) return;
    this.#parts.memory.void(this.#grant);
    this.#parts.memory.countRevocation();
    this.#grant = 0;
    this.#lastSentMs = undefined;
    this.#parts.onMoved();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.revoke();
    try {
      this.#client.destroy();
    } catch {
      // It has ended already.
    }
  }
}

function isWorking(info: unknown): boolean {
  return String(info).includes('cluster_state:ok');
}

/** Whether the server is not in a cluster. */
function isAlone(error: unknown): boolean {
  return error instanceof Error && /cluster support disabled/i.test(error.message);
}
