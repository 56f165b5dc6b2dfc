/**
 * The state of the service and its tables, sampled once a second while somebody listens. All listeners of a process get
 * the same sample, which is written as text once.
 */
import { monotonicMs, pause, Segment, type SegmentLocation, wallTimeMs } from '../../memory/index.js';
import type { ClusterTables } from '../cluster-tables.js';
import type { EventSource } from '../event-stream.js';
import type { ProcessReports } from '../metrics/process-reports.js';
import type { ServiceMemory } from '../service-memory.js';
import { searchSegments } from '../table-survey.js';
import { Turns } from '../turns.js';
import type { OverviewEvent } from './overview-schema.js';
import { ServiceSampler } from './service-sampler.js';
import { TableSampler } from './table-sampler.js';

const INTERVAL_MS = 1000;
/** Sampling many tables takes at most this share of the time. */
const MAX_SHARE = 0.25;
/**
 * How often the memory maps of all processes are read for tables in files and in anonymous memory, which may take as long
 * as a hundred samples.
 */
const FULL_LIST_MS = 60_000;
/** The latest events, which a new listener gets. */
const MAX_EVENTS = 100;

interface NumberedEvent {
  readonly number: number;
  readonly table: string | undefined;
  readonly text: string;
}

interface Sample {
  /** The members before the tables. */
  readonly head: string;
  readonly tables: readonly { readonly name: string; readonly text: string }[];
  /** The number of the last event before those of this sample. */
  readonly eventsAfter: number;
  /** The whole event for listeners that see every table and have got the previous sample. */
  readonly text: string;
}

interface OverviewSources {
  readonly namespace: string;
  readonly memory: ServiceMemory;
  readonly reports: ProcessReports;
  readonly inCluster?: ClusterTables | undefined;
}

export class Overview {
  readonly #tables: TableSampler;
  readonly #services: ServiceSampler;
  readonly #listeners = new Set<Listener>();
  readonly #stop = new AbortController();
  #events: readonly NumberedEvent[] = [];
  #lastEvent: number = 0;
  #latest: Sample | undefined;
  #isSampling = false;
  /** Those that `Segment.find` does not find. */
  #mapped: readonly SegmentLocation[] = [];
  #listedAt: number = Number.NEGATIVE_INFINITY;

  constructor({ namespace, memory, reports, inCluster }: OverviewSources) {
    this.#tables = new TableSampler(namespace, inCluster);
    this.#services = new ServiceSampler(namespace, memory, reports);
  }

  /** The overview as events, of the tables that are visible; undefined: all. The first one is there at once. */
  listen(isVisible?: (table: string) => boolean): EventSource {
    return new Listener(
      (sample, after) => this.#textOf(sample, after, isVisible),
      (listener) => this.#join(listener),
      (listener) => this.#listeners.delete(listener),
    );
  }

  #join(listener: Listener): void {
    if (this.#stop.signal.aborted) {
      listener.end();
      return;
    }
    this.#listeners.add(listener);
    if (this.#latest !== undefined) listener.offer(this.#latest, this.#lastEvent);
    if (!this.#isSampling) void this.#sampleWhileHeard();
  }

  close(): void {
    this.#stop.abort();
    for (const listener of [...this.#listeners]) listener.end();
  }

  async #sampleWhileHeard(): Promise<void> {
    this.#isSampling = true;
    try {
      while (this.#listeners.size > 0) {
        const began = monotonicMs();
        const sample = await this.#sample();
        this.#latest = sample;
        for (const listener of this.#listeners) listener.offer(sample, this.#lastEvent);
        const tookMs = monotonicMs() - began;
        await pause(Math.max(INTERVAL_MS - tookMs, tookMs / MAX_SHARE), this.#stop.signal);
      }
    } catch (error) {
      for (const listener of [...this.#listeners]) listener.fail(error);
    } finally {
      this.#isSampling = false;
      this.#latest = undefined;
      this.#events = [];
      this.#tables.close();
      this.#services.reset();
    }
  }

  async #sample(): Promise<Sample> {
    const segments = await this.#segments();
    const tables = (await this.#tables.sample(segments)).map((table) => ({
      name: table.name,
      text: JSON.stringify(table),
    }));
    const { events, ...services } = this.#services.sample(segments);
    const eventsAfter = this.#lastEvent;
    this.#events = [...this.#events, ...events.map((event) => this.#numbered(event))].slice(-MAX_EVENTS);
    const head = JSON.stringify({ at: wallTimeMs(), ...services }).slice(1, -1);
    const fresh = this.#events.filter(({ number }) => number > eventsAfter);
    return { head, tables, eventsAfter, text: eventText(head, tables, fresh) };
  }

  /** A table in a file or in anonymous memory may be missing for a minute, or still listed after its end. */
  async #segments(): Promise<SegmentLocation[]> {
    const now = monotonicMs();
    if (now - this.#listedAt >= FULL_LIST_MS) {
      const found = await searchSegments(new Turns());
      this.#mapped = found.filter(({ backend }) => backend === 'file' || backend === 'anonymous');
      this.#listedAt = now;
    }
    return [...(await searchSegments(new Turns(), Segment.find())), ...this.#mapped];
  }

  #numbered(event: OverviewEvent): NumberedEvent {
    return { number: ++this.#lastEvent, table: event.table, text: JSON.stringify(event) };
  }

  #textOf(sample: Sample, after: number, isVisible: ((table: string) => boolean) | undefined): string {
    if (isVisible === undefined && after === sample.eventsAfter) return sample.text;
    const isSeen = isVisible ?? (() => true);
    return eventText(
      sample.head,
      sample.tables.filter(({ name }) => isSeen(name)),
      this.#events.filter(({ number, table }) => number > after && (table === undefined || isSeen(table))),
    );
  }
}

function eventText(head: string, tables: Sample['tables'], events: readonly NumberedEvent[]): string {
  const list = (items: readonly { readonly text: string }[]): string => items.map(({ text }) => text).join();
  return `event: overview\ndata: {${head},"tables":[${list(tables)}],"events":[${list(events)}]}\n\n`;
}

/** One listener, from the first event that it asks for: a HEAD request asks for none. If slow, it misses samples, but no events. */
class Listener implements EventSource {
  readonly #textOf: (sample: Sample, after: number) => string;
  readonly #join: (self: Listener) => void;
  readonly #leave: (self: Listener) => void;
  #hasJoined = false;
  #offered: Sample | undefined;
  #lastOffered: number = 0;
  /** The number of the last event that it got. */
  #lastSent: number = 0;
  #failure: { readonly error: unknown } | undefined;
  #hasEnded = false;
  #wake: () => void = () => undefined;

  constructor(
    textOf: (sample: Sample, after: number) => string,
    join: (self: Listener) => void,
    leave: (self: Listener) => void,
  ) {
    this.#textOf = textOf;
    this.#join = join;
    this.#leave = leave;
  }

  offer(sample: Sample, lastEvent: number): void {
    this.#offered = sample;
    this.#lastOffered = lastEvent;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.end();
  }

  end(): void {
    this.#hasEnded = true;
    this.#leave(this);
    this.#wake();
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    if (!this.#hasJoined && !this.#hasEnded) {
      this.#hasJoined = true;
      this.#join(this);
    }
    while (this.#offered === undefined && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#offered === undefined || this.#hasEnded) return { done: true, value: undefined };
    const value = this.#textOf(this.#offered, this.#lastSent);
    this.#lastSent = this.#lastOffered;
    this.#offered = undefined;
    return { done: false, value };
  }

  async return(): Promise<IteratorResult<string, undefined>> {
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
