/** Provides the tables of the configuration: opens, restores, creates or alters them. It runs in the primary. */
import type { FastifyBaseLogger } from 'fastify';
import { ShmTableError } from '../errors.js';
import { TABLE_DEFAULTS } from '../table/defaults.js';
import { MAX_PARTICIPANTS } from '../table/options.js';
import { provideClusterTables } from './cluster-setup.js';
import { participantsOf, type ServiceSettings } from './settings/settings-schema.js';
import { type SharedTableSettings, sharedTables } from './settings/table-schema.js';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import type { TableHandles } from './table-handles.js';

interface ConfiguredTable extends SharedTableSettings {
  readonly name: string;
  readonly onMismatch: 'throw' | 'alter';
}

export class TableSetup {
  readonly #handles: TableHandles;
  readonly #keeper: SnapshotKeeper | undefined;
  readonly #log: FastifyBaseLogger;

  constructor(handles: TableHandles, keeper: SnapshotKeeper | undefined, log: FastifyBaseLogger) {
    this.#handles = handles;
    this.#keeper = keeper;
    this.#log = log;
  }

  /**
   * Opens the configured tables, restores them from their snapshots, or creates them empty. Those that exist with another
   * schema are altered if their setting `onMismatch` says so.
   *
   * @throws {ShmTableError} ERR_SCHEMA_MISMATCH when it does not; then no table has changed
   */
  async provide(settings: ServiceSettings): Promise<void> {
    await provideClusterTables(settings, this.#log);
    const configured = configuredTables(settings);
    const { namespace } = settings;
    this.#refuseMismatches(configured);
    for (const table of configured) {
      if (!this.#handles.exists(table.name)) await this.#restore(table, namespace);
      await this.#provide(table);
    }
  }

  /** Restores the tables that are not configured: those that were created over HTTP. */
  async restoreOthers({ namespace, tables }: ServiceSettings): Promise<void> {
    for (const name of (await this.#keeper?.restorable()) ?? []) {
      if (Object.hasOwn(tables, name) || this.#handles.exists(name)) continue;
      await this.#keeper?.restore({ name, namespace });
    }
  }

  /** Names all tables that would have to be altered, before any is. */
  #refuseMismatches(configured: readonly ConfiguredTable[]): void {
    const found = configured.flatMap((table) => {
      if (table.onMismatch === 'alter') return [];
      const mismatch = this.#handles.mismatch(table);
      return mismatch === undefined ? [] : [`tables.${table.name}: ${mismatch}`];
    });
    if (found.length > 0) throw refusal(found.join('; '));
  }

  /** A table that may be altered is restored as it was. */
  async #restore(table: ConfiguredTable, namespace: string): Promise<void> {
    const { name, backend, path, hugePages, maxParticipants, onMismatch } = table;
    const whereabouts = { name, namespace, backend, path, hugePages, maxParticipants };
    try {
      await this.#keeper?.restore(onMismatch === 'alter' ? whereabouts : { ...table, namespace });
    } catch (error) {
      if (!(error instanceof ShmTableError) || error.code !== 'ERR_SCHEMA_MISMATCH') throw error;
      throw refusal(`tables.${name}: ${error.message}`);
    }
  }

  async #provide(table: ConfiguredTable): Promise<void> {
    const mismatch = this.#handles.mismatch(table);
    if (mismatch === undefined) {
      this.#handles.create(table);
      return;
    }
    if (table.onMismatch === 'throw') throw refusal(`tables.${table.name}: ${mismatch}`);
    this.#log.info({ table: table.name, mismatch }, 'table is being altered');
    await this.#handles.conform(table);
    const left = this.#handles.mismatch(table);
    if (left === undefined) this.#log.info({ table: table.name }, 'table altered');
    else this.#log.warn({ table: table.name, mismatch: left }, 'table left as it is: its schemaVersion is higher');
  }
}

/** Their options, with those that the service adds. */
function configuredTables({ tables, workers, onMismatch }: ServiceSettings): ConfiguredTable[] {
  const participants = Math.max(TABLE_DEFAULTS.maxParticipants, participantsOf(workers));
  const maxParticipants = Math.min(MAX_PARTICIPANTS, participants);
  return Object.entries(sharedTables(tables)).map(([name, given]) => ({ maxParticipants, onMismatch, ...given, name }));
}

function refusal(what: string): ShmTableError {
  return new ShmTableError(
    'ERR_SCHEMA_MISMATCH',
    `${what}; with --alter, or "onMismatch": "alter", the service gives such tables the schema of the configuration`,
  );
}
