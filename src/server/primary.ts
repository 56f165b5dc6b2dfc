/**
 * The primary: creates the configured tables, keeps the workers running and settles what dead ones left behind.
 * It handles no requests.
 */
import type { FastifyBaseLogger } from 'fastify';
import { TABLE_DEFAULTS } from '../table/defaults.js';
import { MAX_PARTICIPANTS } from '../table/options.js';
import { openCounts } from './access/request-counts.js';
import { ListeningSockets } from './listening-sockets.js';
import { ProcessReports } from './metrics/process-reports.js';
import { tellServiceManager } from './service-manager.js';
import { ServiceMemory } from './service-memory.js';
import { PLUGIN_DEFAULTS } from './settings/defaults.js';
import { participantsOf, type ServiceSettings } from './settings/settings-schema.js';
import { readTlsFiles } from './settings/tls-files.js';
import { tokensInForce } from './settings/tokens-in-force.js';
import { SnapshotKeeper } from './snapshot-keeper.js';
import { TableHandles } from './table-handles.js';
import { WorkerPool } from './worker-pool.js';

/** Serves until SIGTERM or SIGINT, then lets the workers finish. Throws the error that prevents startup. */
export async function runPrimary(given: ServiceSettings, log: FastifyBaseLogger): Promise<void> {
  const settings = withTokensInForce(given);
  const sockets = await ListeningSockets.open(settings);
  const memory = ServiceMemory.create(settings.namespace, settings.workers);
  const handles = new TableHandles({
    namespace: settings.namespace,
    lockTimeoutMs: PLUGIN_DEFAULTS.lockTimeoutMs,
    locations: settings.tables,
  });
  const pool = new WorkerPool(settings, { sockets, memory }, log);
  const stopped = new Promise<void>((resolve) => {
    // Not `once`: a second signal would kill this process, and the last snapshots would be missing.
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => resolve());
  });
  process.on('SIGHUP', () => {
    renewWorkers(pool, { ...settings, tokens: given.tokens }, log).then(
      () => log.info({ workers: pool.pids }, 'workers replaced'),
      (error: unknown) => log.error({ err: error }, 'workers cannot be replaced'),
    );
  });
  pool.on('gone', (pid) => settleDead({ handles, settings, memory, log }, pid));
  const { snapshots } = settings;
  const keeper = snapshots === undefined ? undefined : new SnapshotKeeper(snapshots, handles, log, memory);
  const reports = new ProcessReports(settings);
  reports.start('primary');
  const counts = settings.rateLimit === undefined ? undefined : openCounts(settings);
  try {
    await keeper?.prepare();
    await createTables(settings, handles, keeper);
    await pool.start();
    keeper?.start();
    log.info({ address: sockets.address, port: sockets.port, workers: pool.pids }, 'ready');
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

/** Replaces the workers with ones that use the current contents of the files; an invalid file changes nothing. */
async function renewWorkers(pool: WorkerPool, settings: ServiceSettings, log: FastifyBaseLogger): Promise<void> {
  if (settings.tls !== undefined) readTlsFiles(settings.tls);
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

/** Opens the configured tables, restores them from their snapshots, or creates them empty; restores all other tables. */
export async function createTables(
  { tables, namespace, workers }: ServiceSettings,
  handles: TableHandles,
  keeper: SnapshotKeeper | undefined,
): Promise<void> {
  const there = new Set(handles.list().map(({ name }) => name));
  const participants = Math.max(TABLE_DEFAULTS.maxParticipants, participantsOf(workers));
  const maxParticipants = Math.min(MAX_PARTICIPANTS, participants);
  for (const [name, given] of Object.entries(tables)) {
    const options = { maxParticipants, ...given };
    if (keeper !== undefined && !there.has(name)) await keeper.restore({ ...options, name, namespace });
    handles.create({ ...options, name });
    there.add(name);
  }
  // Those created over HTTP.
  for (const name of (await keeper?.restorable()) ?? []) {
    if (!there.has(name)) await keeper?.restore({ name, namespace });
  }
}

interface Settling {
  readonly handles: TableHandles;
  readonly settings: ServiceSettings;
  readonly memory: ServiceMemory;
  readonly log: FastifyBaseLogger;
}

/** Completes or undoes the operation of a dead worker, so that no other process has to. */
function settleDead({ handles, settings, memory, log }: Settling, pid: number): void {
  const names = new Set(Object.keys(settings.tables));
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
