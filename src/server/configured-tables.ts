/** Whether a worker can use the tables that the settings name: it is not ready while one is missing or damaged. */
import { ShmTableError } from '../errors.js';
import type { ClusterTables } from './cluster-tables.js';
import { PLUGIN_DEFAULTS } from './settings/defaults.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { sharedTables } from './settings/table-schema.js';
import { TableHandles } from './table-handles.js';
import { Turns } from './turns.js';

export class ConfiguredTables {
  readonly #names: readonly string[];
  readonly #handles: TableHandles;
  readonly #inCluster: ClusterTables | undefined;

  constructor({ tables, namespace }: Pick<ServiceSettings, 'tables' | 'namespace'>, inCluster?: ClusterTables) {
    this.#inCluster = inCluster;
    const locations = sharedTables(tables);
    this.#names = Object.keys(locations);
    this.#handles = new TableHandles({ namespace, lockTimeoutMs: PLUGIN_DEFAULTS.lockTimeoutMs, locations });
  }

  /** The tables that cannot be used, each with the code of the error; undefined when there are none. */
  async unusable(): Promise<Record<string, string> | undefined> {
    const turns = new Turns();
    const codes: Record<string, string> = { ...this.#inCluster?.unusable().unopened };
    for (const name of this.#names) {
      if (turns.isOver) await turns.next();
      try {
        this.#handles.use(name, ({ engine }) => engine.counts());
      } catch (error) {
        if (!(error instanceof ShmTableError)) throw error;
        codes[name] = error.code;
      }
    }
    return Object.keys(codes).length === 0 ? undefined : codes;
  }

  /** The tables that have been open, and of whose cluster a server cannot be reached at the moment. */
  get lost(): Record<string, string> | undefined {
    const lost = this.#inCluster?.unusable().lost;
    return lost === undefined || Object.keys(lost).length === 0 ? undefined : lost;
  }

  close(): void {
    this.#handles.close();
  }
}
