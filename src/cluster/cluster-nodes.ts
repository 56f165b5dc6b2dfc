import { reasonOf, ShmTableError } from '../errors.js';
import { monotonicMs, pause } from '../memory/index.js';
import { NodeConnection } from './node-connection.js';
import type { NodeAddress, ParsedConnection } from './options.js';
import { loadRedis, type RedisModule } from './redis-client.js';
import type { Argument } from './row-fields.js';
import type { Script } from './scripts.js';
import { notSent, redirectOf, refusedBy, replyCode } from './server-errors.js';
import { SLOTS } from './slots.js';

/** Redirections of one command; each is followed at most this often. */
const MAX_REDIRECTS = 16;
/** Pause between two looks at the topology, at least. */
const BETWEEN_LOOKS_MS = 100;

/** How long a command waits for a connection that is being made. */
const RECONNECTION_MS = 250;

/** Which primary has which slots. */
interface Topology {
  /** False for a server that is not in a cluster and has all slots. */
  readonly isCluster: boolean;
  /** Whether the server that says so is in touch with the majority. */
  readonly isWorking: boolean;
  readonly ranges: readonly { readonly first: number; readonly last: number; readonly owner: NodeAddress }[];
}

/**
 * The primaries of a cluster, a connection to each, and which has which slot. A command goes to the owner of its slot
 * and follows redirections; never to a replica.
 *
 * The library's own cluster client is not used: it hides which server has answered, on which a near cache depends, and
 * whether a command was sent, on which the error depends.
 */
export class ClusterNodes {
  readonly connection: ParsedConnection;
  readonly #module: RedisModule;
  readonly #nodes = new Map<string, NodeConnection>();
  readonly #owners = new Array<NodeConnection | undefined>(SLOTS);
  /** Called when a server says that a slot is elsewhere. */
  onMoved: () => void = () => {};
  isCluster = true;
  #isClosed = false;
  #looking: Promise<void> | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;

  private constructor(module: RedisModule, connection: ParsedConnection) {
    this.#module = module;
    this.connection = connection;
  }

  /** Connects to all primaries that can be reached. `ERR_CLUSTER_UNAVAILABLE`, `ERR_PERMISSION`. */
  static async connect(connection: ParsedConnection): Promise<ClusterNodes> {
    const nodes = new ClusterNodes(await loadRedis(), connection);
    try {
      await nodes.#look();
      await Promise.all([...nodes.#nodes.values()].map((node) => node.settled(connection.timeoutMs)));
      return nodes;
    } catch (error) {
      nodes.close();
      throw error;
    }
  }

  /** The owner of a slot, as far as known. */
  ownerOf(slot: number): NodeConnection | undefined {
    return this.#owners[slot];
  }

  /** All primaries that own slots. */
  get primaries(): NodeConnection[] {
    return [...new Set(this.#owners.filter((node) => node !== undefined))];
  }

  /** Runs a script with one key at the owner of its slot. Rejects as `command` does. */
  run(script: Script, slot: number, key: Argument, args: readonly Argument[]): Promise<unknown> {
    return this.#route(slot, (node, isAsking) => node.run(script, key, args, isAsking));
  }

  /**
   * Sends a command to the owner of a slot and follows redirections. `ERR_CLUSTER_UNAVAILABLE` when it was not executed,
   * `ERR_OUTCOME_UNKNOWN` when it may have been (only for one that writes); `ERR_TABLE_FULL`, `ERR_PERMISSION`.
   */
  command(slot: number, args: readonly Argument[], isRead: boolean): Promise<unknown> {
    return this.#route(slot, (node, isAsking) => node.command(args, isRead, isAsking));
  }

  async #route(slot: number, send: (node: NodeConnection, isAsking: boolean) => Promise<unknown>): Promise<unknown> {
    const first = this.#owners[slot];
    // Without waiting for anything: what one caller sends one after the other arrives in this order.
    if (first?.isReady) {
      try {
        return await send(first, false);
      } catch (error) {
        return this.#sendElsewhere(slot, first, error, send);
      }
    }
    return this.#sendElsewhere(slot, first, undefined, send);
  }

  /** Goes on after the first attempt: `error` is its error, undefined if nothing was sent yet. */
  async #sendElsewhere(
    slot: number,
    first: NodeConnection | undefined,
    problem: unknown,
    send: (node: NodeConnection, isAsking: boolean) => Promise<unknown>,
  ): Promise<unknown> {
    const deadline = monotonicMs() + this.connection.timeoutMs;
    let node = first;
    let isAsking = false;
    let error = problem;
    for (let redirects = 0; ; redirects++) {
      if (error !== undefined) {
        const from = node as NodeConnection;
        const isEnough = redirects > MAX_REDIRECTS || monotonicMs() >= deadline;
        const redirect = redirectOf(error);
        if (redirect !== undefined && !isEnough) {
          node = await this.#follow(from, redirect, deadline);
          isAsking = redirect.kind === 'ASK';
        } else {
          node = await this.#replacementOf(from, slot, error, isEnough);
          isAsking = false;
        }
      }
      node ??= await this.#findOwner(slot);
      if (!node.isReady) await node.settled(Math.min(RECONNECTION_MS, Math.max(0, deadline - monotonicMs())));
      try {
        return await send(node, isAsking);
      } catch (next) {
        error = next;
      }
    }
  }

  /** Another owner of the slot, if the error of a command says that it was not executed and there is one; else throws. */
  async #replacementOf(
    from: NodeConnection,
    slot: number,
    error: unknown,
    isEnough: boolean,
  ): Promise<NodeConnection | undefined> {
    if (error instanceof ShmTableError) {
      const owner = this.#owners[slot];
      if (error.code === 'ERR_CLUSTER_UNAVAILABLE' && owner !== undefined && owner !== from && !isEnough) return owner;
      throw error;
    }
    this.refreshSoon();
    if (replyCode(error) !== 'READONLY' || isEnough) throw refusedBy(from.address, error);
    // It was demoted, and the new primary may be known in a moment.
    await pause(BETWEEN_LOOKS_MS);
    await this.look();
    return this.#owners[slot];
  }

  async #findOwner(slot: number): Promise<NodeConnection> {
    await this.look();
    const owner = this.#owners[slot];
    if (owner !== undefined) return owner;
    throw notSent(`no server has slot ${slot}`);
  }

  async #follow(
    from: NodeConnection,
    { kind, slot, host, port }: NonNullable<ReturnType<typeof redirectOf>>,
    deadline: number,
  ): Promise<NodeConnection> {
    // A connection that is made now would never be ended.
    if (this.#isClosed) throw notSent('the table has been closed');
    const node = this.nodeAt({ host: host === '' ? from.host : host, port });
    if (kind === 'MOVED') {
      this.#owners[slot] = node;
      this.onMoved();
      this.refreshSoon();
    }
    await node.settled(Math.max(0, deadline - monotonicMs()));
    return node;
  }

  /** The connection to a server, which is made if there is none. */
  nodeAt(address: NodeAddress): NodeConnection {
    const name = `${address.host}:${address.port}`;
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const node = new NodeConnection(address, {
      module: this.#module,
      connection: this.connection,
      onTrouble: () => this.refreshSoon(),
    });
    this.#nodes.set(name, node);
    return node;
  }

  /** Asks for the topology in the background. */
  refreshSoon(): void {
    if (this.#isClosed) return;
    this.look().catch(() => {
      // The next command that fails asks again.
    });
  }

  /** Asks for the topology, together with everybody who wants to know at the moment. `ERR_CLUSTER_UNAVAILABLE`. */
  look(): Promise<void> {
    this.#looking ??= (async () => {
      try {
        await pause(Math.max(0, this.#lookedMs + BETWEEN_LOOKS_MS - monotonicMs()));
        if (!this.#isClosed) await this.#look();
      } finally {
        this.#lookedMs = monotonicMs();
        this.#looking = undefined;
      }
    })();
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { timeoutMs, nodes } = this.connection;
    const known = [...this.#nodes.values()].filter((node) => node.isReady);
    let problem: unknown;
    let second: Topology | undefined;
    for (const node of [...known, ...nodes.map((address) => this.nodeAt(address))]) {
      await node.settled(timeoutMs);
      try {
        const topology = await topologyFrom(node);
        // A server that is cut off from the others does not know what they have decided.
        if (topology.isWorking && topology.ranges.length > 0) {
          this.#apply(topology);
          return;
        }
        if (topology.ranges.length > 0) second ??= topology;
        else problem ??= new Error(`${node.address} knows no server that has slots`);
      } catch (error) {
        if (error instanceof ShmTableError && error.code === 'ERR_PERMISSION') throw error;
        problem ??= error;
      }
    }
    if (second !== undefined) this.#apply(second);
    else throw problem instanceof ShmTableError ? problem : notSent(reasonOf(problem), problem);
  }

  #apply({ isCluster, ranges }: Topology): void {
    if (this.#isClosed) return;
    this.isCluster = isCluster;
    const inUse = new Set<NodeConnection>();
    for (const { first, last, owner } of ranges) {
      const node = this.nodeAt(owner);
      inUse.add(node);
      this.#owners.fill(node, first, last + 1);
    }
    for (const [name, node] of this.#nodes) {
      if (inUse.has(node) || !this.#isSuperfluous(node)) continue;
      this.#nodes.delete(name);
      node.close();
    }
  }

  /** A server that owns nothing any more is kept while it is connected: its last commands are still under way. */
  #isSuperfluous(node: NodeConnection): boolean {
    return !node.isReady && !this.#owners.includes(node);
  }

  close(): void {
    this.#isClosed = true;
    for (const node of this.#nodes.values()) node.close();
    this.#nodes.clear();
    this.#owners.fill(undefined);
  }
}

/** Asks a server which primary has which slots. */
async function topologyFrom(node: NodeConnection): Promise<Topology> {
  let reply: unknown;
  let info: unknown;
  try {
    [reply, info] = await Promise.all([
      node.command(['CLUSTER', 'SLOTS'], true),
      node.command(['CLUSTER', 'INFO'], true),
    ]);
  } catch (error) {
    if (error instanceof ShmTableError) throw error;
    if (!/cluster support disabled/i.test(reasonOf(error))) throw refusedBy(node.address, error);
    const owner = { host: node.host, port: node.port };
    return { isCluster: false, isWorking: true, ranges: [{ first: 0, last: SLOTS - 1, owner }] };
  }
  const rows = reply as [number, number, [Buffer | null, number, ...unknown[]], ...unknown[]][];
  const ranges = rows.map(([first, last, [host, port]]) => {
    const name = host === null ? '' : String(host);
    // A server that does not know its own address says nothing, or `?`.
    return { first, last, owner: { host: name === '' || name === '?' ? node.host : name, port } };
  });
  return { isCluster: true, isWorking: String(info).includes('cluster_state:ok'), ranges };
}
