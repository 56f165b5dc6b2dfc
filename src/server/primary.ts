/**
 * The primary: creates the configured tables, keeps the workers running and settles what dead ones left behind.
 * It handles no requests.
 */
import { isDeepStrictEqual } from 'node:util';
import type { FastifyBaseLogger } from 'fastify';
import { SHARES_MEMORY } from '../memory/index.js';
import { openCounts } from './access/request-counts.js';
import { consoleAddress } from './console-address.js';
import { ListeningSockets } from './listening-sockets.js';
import { ProcessReports } from './metrics/process-reports.js';
import { OnlyWorker, type Workers } from './only-worker.js';
import { tellServiceManager } from './service-manager.js';
import { ServiceMemory } from './service-memory.js';
import { PLUGIN_DEFAULTS } from './settings/defaults.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { sharedTables } from './settings/table-schema.js';
import { readTlsFiles } from './settings/tls-files.js';
import { tokensInForce } from './settings/tokens-in-force.js';
import { SnapshotKeeper } from './snapshot-keeper.js';
import { TableHandles } from './table-handles.js';
import { TableSetup } from './table-setup.js';
import { WorkerPool } from './worker-pool.js';

/**
 * Serves until SIGTERM or SIGINT, then lets the workers finish. Throws the error that prevents startup. `reload` returns
 * the settings as file, environment and flags have them now.
 */
export async function runPrimary(
  given: ServiceSettings,
  log: FastifyBaseLogger,
  reload: () => ServiceSettings,
): Promise<void> {
  const settings = servable(withTokensInForce(given), log);
  const sockets = await ListeningSockets.open(settings);
  const memory = ServiceMemory.create(settings.namespace, settings.workers);
  const handles = new TableHandles({
    namespace: settings.namespace,
    lockTimeoutMs: PLUGIN_DEFAULTS.lockTimeoutMs,
    locations: sharedTables(settings.tables),
  });
  const pool: Workers = SHARES_MEMORY
    ? watchedPool(new WorkerPool(settings, { sockets, memory }, log), { handles, settings, memory, log })
    : new OnlyWorker(settings, { sockets, memory });
  const stopped = new Promise<void>((resolve) => {
    // Not `once`: a second signal would kill this process, and the last snapshots would be missing.
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => resolve());
  });
  const { snapshots } = settings;
  const keeper = snapshots === undefined ? undefined : new SnapshotKeeper(snapshots, handles, log, memory);
  const tables = new TableSetup(handles, keeper, log);
  let provided = settings.tables;
  const renew = async (): Promise<void> => {
    const { tables: wanted, onMismatch } = reload();
    const next = { ...settings, tokens: given.tokens, tables: wanted, onMismatch };
    checkFiles(next);
    handles.locate(sharedTables(wanted));
    // Others may have been altered or destroyed in another way since, which is no reason to keep old tokens.
    const changed = Object.entries(wanted).filter(([name, table]) => !isDeepStrictEqual(table, provided[name]));
    await tables.provide({ ...next, tables: Object.fromEntries(changed) });
    provided = wanted;
    await renewWorkers(pool, next, log);
  };
  process.on('SIGHUP', () => {
    renew().then(
      () => log.info({ workers: pool.pids, draining: pool.draining }, 'workers replaced'),
      (error: unknown) => log.error({ err: error }, 'workers cannot be replaced'),
    );
  });
  const reports = new ProcessReports(settings);
  // The only worker reports the process.
  if (SHARES_MEMORY) reports.start('primary', memory.instance);
  const counts = settings.rateLimit === undefined ? undefined : openCounts(settings);
  try {
    await keeper?.prepare();
    await tables.provide(settings);
    await tables.restoreOthers(settings);
    await pool.start();
    keeper?.start();
    const { address, port } = sockets;
    log.info({ address, port, workers: pool.pids, console: consoleAddress(settings, address) }, 'ready');
    await tellServiceManager(log, 'READY=1');
    await stopped;
    log.info('draining');
    void tellServiceManager(log, 'STOPPING=1');
  } finally {
    sockets.close();
    await pool.stop();
    await keeper?.stop();
    handles.close();
    counts?.close();
    reports.close();
    memory.remove();
  }
}

/** The settings that can be had: without shared memory, one process serves. */
function servable(settings: ServiceSettings, log: FastifyBaseLogger): ServiceSettings {
  if (SHARES_MEMORY || settings.workers === 1) return settings;
  log.warn(
    { workers: settings.workers },
    'one process serves instead of several workers, because without shared memory no other process sees its tables',
  );
  return { ...settings, workers: 1 };
}

/** Settles what dead workers left behind. */
function watchedPool(pool: WorkerPool, settling: Settling): WorkerPool {
  return pool.on('gone', (pid) => settleDead(settling, pid));
}

/** Throws if a file that a reload reads is invalid. */
function checkFiles({ tls, tokens, tokensFile }: ServiceSettings): void {
  if (tls !== undefined) readTlsFiles(tls);
  tokensInForce({ tokens, tokensFile });
}

/** Replaces the workers with ones that use the current contents of the files. */
async function renewWorkers(pool: Workers, settings: ServiceSettings, log: FastifyBaseLogger): Promise<void> {
  const next = withTokensInForce(settings);
  const { tokens } = next;
  // At once: the workers are replaced one after the other, and the last may take a while.
  if (settings.tokensFile !== undefined && tokens !== undefined) {
    void pool.replaceTokens(tokens).then(() => log.info({ tokens: tokens.map(({ name }) => name) }, 'tokens replaced'));
  }
  await pool.replaceAll(next);
}

/** The primary passes the tokens to workers, so that a replacement has the same ones as the others. */
function withTokensInForce(settings: ServiceSettings): ServiceSettings {
  return { ...settings, tokens: tokensInForce(settings) };
}

interface Settling {
  readonly handles: TableHandles;
  readonly settings: ServiceSettings;
  readonly memory: ServiceMemory;
  readonly log: FastifyBaseLogger;
}

/** Completes or undoes the operation of a dead worker, so that no other process has to. */
function settleDead({ handles, settings, memory, log }: Settling, pid: number): void {
  const names = new Set(Object.keys(sharedTables(settings.tables)));
  for (const { name } of handles.list()) names.add(name);
  for (const table of names) {
    try {
      const settled = handles.use(table, (served) => served.engine.settleDead());
      if (settled === 0) continue;
      log.warn({ worker: pid, table, settled }, 'dead worker settled');
      memory.events.add({ type: 'recovery', worker: pid, table, settled });
    } catch (error) {
      // Another process may have destroyed the table since it was listed.
      log.warn({ err: error, worker: pid, table }, 'table not settled');
    }
  }
}
