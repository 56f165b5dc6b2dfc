import { isUtf8 } from 'node:buffer';
import { ShmTableError, show } from '../errors.js';
import { monotonicMs, pause } from '../memory/index.js';
import type { ClusterNodes } from './cluster-nodes.js';
import type { NodeConnection } from './node-connection.js';
import type { Argument } from './row-fields.js';
import { notSent, redirectOf, refusedBy } from './server-errors.js';
import { SLOTS, slotOf, tagOfSlot } from './slots.js';

/** Slots whose keys are asked for at the same time. */
const SLOTS_AHEAD = 128;
/** Of all walks of this thread together. Beyond that, a walk asks for more only while it has few itself. */
const MOST_AHEAD = 1_024;
const FEW_AHEAD = 2;
let aheadTogether = 0;
/** Keys that one SCAN of a single server looks at. */
const SCAN_COUNT = 1_000;
/** As many as there are in the slot. */
const ALL_KEYS = String(2 ** 31 - 1);
/** How often, in ms, to ask again about a slot whose keys are being moved, and for how long before both ends are asked. */
const MOVING_PAUSE_MS = 20;
const MOVING_PATIENCE_MS = 1_000;

/**
 * The end of keys that no row has, because it is not UTF-8: for questions about a slot, which a server answers only for
 * a key in it.
 */
const PROBE_END = Buffer.from([0xff]);

/** Before the first key after `after`, in the order of bytes, of a group of keys: a slot, or what a SCAN returns. */
export interface WalkPosition {
  /** A slot, or the cursor of a single server. */
  readonly group: string;
  /** Undefined for before the first. */
  readonly after: string | undefined;
}

/** Keys of one group, in the order of their bytes. */
interface KeyGroup {
  readonly group: string;
  readonly keys: readonly string[];
  /** Of the group after it; undefined at the end. */
  readonly next: string | undefined;
}

/**
 * Walks over the keys of a table, slot by slot.
 *
 * SCAN of one server after the other loses keys when a slot moves from a server that was not visited yet to one that was
 * already. A slot, in contrast, is always somewhere: its owner lists its keys and is then asked whether it still is the
 * owner and no key is on its way. So a row that exists throughout is found exactly once, whatever is moved.
 *
 * A server that is not in a cluster has no slots: its keys come as SCAN returns them, perhaps twice while its table
 * grows.
 */
export class KeyWalk {
  readonly #nodes: ClusterNodes;
  readonly #prefix: Buffer;

  constructor(nodes: ClusterNodes, prefix: Buffer) {
    this.#nodes = nodes;
    this.#prefix = prefix;
  }

  /** Groups of keys that begin with `prefix`, from the one at `start`. */
  groups(start: WalkPosition | undefined, prefix: string): AsyncGenerator<KeyGroup> {
    return this.#nodes.isCluster ? this.#slots(start, prefix) : this.#scanned(start, prefix);
  }

  async *#slots(start: WalkPosition | undefined, prefix: string): AsyncGenerator<KeyGroup> {
    const ahead: Promise<Buffer[]>[] = [];
    let next = start === undefined ? 0 : slotIn(start);
    for (let slot = next; slot < SLOTS; slot++) {
      while (next < SLOTS && ahead.length < (aheadTogether < MOST_AHEAD ? SLOTS_AHEAD : FEW_AHEAD)) {
        const keys = this.#keysOf(next++);
        aheadTogether++;
        const ended = (): void => {
          aheadTogether--;
        };
        // If the walk ends before, nobody waits for it.
        keys.then(ended, ended);
        ahead.push(keys);
      }
      const keys = this.#ownKeys(
        (await ahead.shift()) ?? [],
        prefix,
        slot === slotIn(start) ? start?.after : undefined,
      );
      yield { group: String(slot), keys, next: slot + 1 < SLOTS ? String(slot + 1) : undefined };
    }
  }

  async *#scanned(start: WalkPosition | undefined, prefix: string): AsyncGenerator<KeyGroup> {
    const pattern = Buffer.concat([escaped(Buffer.concat([this.#prefix, Buffer.from(prefix)])), Buffer.from('*')]);
    let cursor = start?.group ?? '0';
    let after = start?.after;
    for (;;) {
      const command = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT)];
      const [next, found] = (await this.#nodes.command(0, command, true)) as [Buffer, Buffer[]];
      const following = String(next);
      const end = following === '0';
      yield { group: cursor, keys: this.#ownKeys(found, prefix, after), next: end ? undefined : following };
      if (end) return;
      cursor = following;
      after = undefined;
    }
  }

  /** The keys of this table among those of a slot, sorted. */
  #ownKeys(found: readonly Buffer[], prefix: string, after: string | undefined): string[] {
    const start = Buffer.concat([this.#prefix, Buffer.from(prefix)]);
    const from = after === undefined ? undefined : Buffer.concat([this.#prefix, Buffer.from(after)]);
    return found
      .filter((key) => key.length > this.#prefix.length && key.subarray(0, start.length).equals(start))
      .filter((key) => isUtf8(key) && (from === undefined || Buffer.compare(key, from) > 0))
      .sort(Buffer.compare)
      .map((key) => key.toString('utf8', this.#prefix.length));
  }

  /** All keys of a slot. */
  async #keysOf(slot: number): Promise<Buffer[]> {
    const patience = monotonicMs() + MOVING_PATIENCE_MS;
    const deadline = patience + this.#nodes.connection.timeoutMs;
    for (;;) {
      const owner = this.#nodes.ownerOf(slot);
      if (owner === undefined) {
        this.#nodes.refreshSoon();
      } else {
        // The question whether it is the owner is sent right after the list, so it is answered right after it.
        const [listed, asked] = await Promise.allSettled([this.#list(owner, slot), this.#ask(owner, slot)]);
        if (listed.status === 'fulfilled' && asked.status === 'fulfilled') return listed.value;
        const problem = asked.status === 'rejected' ? asked.reason : (listed as PromiseRejectedResult).reason;
        const redirect = redirectOf(problem);
        if (redirect?.kind === 'ASK' && monotonicMs() > patience && listed.status === 'fulfilled') {
          // What has left the one end when it was asked is at the other.
          const target = this.#nodes.nodeAt({ host: redirect.host || owner.host, port: redirect.port });
          await target.settled(this.#nodes.connection.timeoutMs);
          return unite(listed.value, (await this.#list(target, slot)) as Buffer[]);
        }
        if (redirect?.kind === 'MOVED') await this.#probe(slot);
        else if (redirect === undefined && problem instanceof ShmTableError) throw problem;
        else if (redirect === undefined) throw refusedBy(owner.address, problem);
      }
      if (monotonicMs() > deadline) throw notSent(`slot ${slot} has been moving for too long`);
      await pause(MOVING_PAUSE_MS);
    }
  }

  #list(node: NodeConnection, slot: number): Promise<Buffer[]> {
    return node.command(['CLUSTER', 'GETKEYSINSLOT', String(slot), ALL_KEYS], true) as Promise<Buffer[]>;
  }

  /** Asks for a key that does not exist: fails with a redirection if the slot is elsewhere, or its keys are being moved. */
  #ask(node: NodeConnection, slot: number): Promise<unknown> {
    return node.command(this.#probeOf(slot), true);
  }

  /** Follows the redirections, so that the owner is known. */
  #probe(slot: number): Promise<unknown> {
    return this.#nodes.command(slot, this.#probeOf(slot), true);
  }

  #probeOf(slot: number): Argument[] {
    return ['HEXISTS', probeKey(this.#prefix, slot), 'revision'];
  }
}

/** A key in this slot that no row has. */
export function probeKey(prefix: Buffer, slot: number): Buffer {
  const key = Buffer.concat([prefix, Buffer.from(`{${tagOfSlot(slot)}}`), PROBE_END]);
  if (slotOf(key) !== slot) throw new ShmTableError('ERR_INTERNAL', `key ${show(String(key))} is not in slot ${slot}`);
  return key;
}

/** A key in this slot that is written for a moment, to see whether its change is announced. It is neither a row nor a probe. */
export function canaryKey(prefix: Buffer, slot: number): Buffer {
  return Buffer.concat([probeKey(prefix, slot), PROBE_END]);
}

function slotIn(start: WalkPosition | undefined): number {
  return start === undefined ? -1 : Number(start.group);
}

function unite(a: readonly Buffer[], b: readonly Buffer[]): Buffer[] {
  return [...new Map([...a, ...b].map((key) => [key.toString('latin1'), key])).values()];
}

/** A pattern that matches exactly these bytes. */
function escaped(bytes: Buffer): Buffer {
  const special = Buffer.from('*?[]\\^-');
  return Buffer.from([...bytes].flatMap((byte) => (special.includes(byte) ? [0x5c, byte] : [byte])));
}
