/** Checks what no setting shows by itself: what must stand together, what may not, and the files that settings name. */
import { ShmTableError } from '../../errors.js';
import { Table } from '../../table/table.js';
import { isLoopback } from '../access/host-guard.js';
import { type GivenSettings, withDefaults } from './settings-schema.js';
import { readTlsFiles } from './tls-files.js';
import { tokensInForce } from './tokens-in-force.js';

/** ERR_ARGUMENT names the settings that do not go together. */
export function checkCombination(given: GivenSettings): void {
  needs(given, 'snapshots', ['dir']);
  needs(given, 'tls', ['cert', 'key']);
  needs(given, 'rateLimit', ['max']);
  if (given.tokens !== undefined && given.tokensFile !== undefined) {
    throw new ShmTableError('ERR_ARGUMENT', 'tokens and tokensFile are both set; the service takes one of them');
  }
  checkTables(given);
  const settings = withDefaults(given);
  if (settings.tls !== undefined) readTlsFiles(settings.tls);
  if (tokensInForce(settings) === undefined) refuseOpenness(given);
}

/** A setting of several members has either none, or all of these. */
function needs(given: GivenSettings, name: 'snapshots' | 'tls' | 'rateLimit', members: readonly string[]): void {
  const set = Object.keys(given[name] ?? {});
  const missing = members.find((member) => !set.includes(member));
  if (set.length > 0 && missing !== undefined) {
    throw new ShmTableError('ERR_ARGUMENT', `${name}.${set[0]} is set, but no ${name}.${missing}`);
  }
}

/** What no JSON Schema says of tables: names and types of their columns, widths, which backend takes a path. */
function checkTables({ tables = {} }: GivenSettings): void {
  for (const [name, options] of Object.entries(tables)) {
    try {
      Table.bytesFor({ name, ...options });
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      throw new ShmTableError('ERR_ARGUMENT', `tables.${name}: ${error.message}`, { cause: error });
    }
  }
}

/** Without tokens everybody who reaches the service may do everything: few may. */
function refuseOpenness({ socket, host, cors }: GivenSettings): void {
  if (socket === undefined && host !== undefined && !isLoopback(host)) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `host ${host} is reachable from elsewhere; without tokens the service listens on 127.0.0.1, ::1, localhost or a socket only`,
    );
  }
  if (cors !== undefined && [cors.origin].flat().includes('*')) {
    throw new ShmTableError('ERR_ARGUMENT', 'cors.origin * lets every page ask; without tokens it takes origins only');
  }
}
