import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Table } from '../../src/index.js';
import type { native } from '../../src/memory/native.js';
import type { timers } from '../../src/memory/timers.js';
import type { FixedPool, GlobalPool, MetricRegistry, RingBuffer, Segment } from '../../src/pools/index.js';
import type { engineOf } from '../../src/table/engine.js';

/** The compiled package under proof. */
export interface Subject {
  readonly Table: typeof Table;
  readonly engineOf: typeof engineOf;
  readonly Segment: typeof Segment;
  readonly FixedPool: typeof FixedPool;
  readonly RingBuffer: typeof RingBuffer;
  readonly GlobalPool: typeof GlobalPool;
  readonly MetricRegistry: typeof MetricRegistry;
  /** The exports of the module that loads its addon. */
  readonly addon: { readonly native: typeof native };
  /** The exports of its module for timers. */
  readonly clock: { readonly timers: typeof timers };
}

/** Loads a file of the package from the folder in SHMTABLE_PROOF_SUBJECT, a copy with a mutation; by default this package. */
function load(file: string) {
  const folder = process.env.SHMTABLE_PROOF_SUBJECT ?? fileURLToPath(new URL('../../src', import.meta.url));
  return import(pathToFileURL(join(folder, file)).href);
}

/** The entry point for tables in a cluster, of the package under proof. */
export function loadClusterSubject(): Promise<typeof import('../../src/cluster/index.js')> {
  return load('cluster/index.js');
}

/** The package under proof. */
export async function loadSubject(): Promise<Subject> {
  const [{ Table }, { engineOf }, { Segment, FixedPool, GlobalPool, MetricRegistry, RingBuffer }, addon, clock] =
    await Promise.all(
      ['index.js', 'table/engine.js', 'pools/index.js', 'memory/native.js', 'memory/timers.js'].map(load),
    );
  return { Table, engineOf, Segment, FixedPool, GlobalPool, MetricRegistry, RingBuffer, addon, clock };
}
