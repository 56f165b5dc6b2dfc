/** The options of `ClusterTable.connect` for a table of the settings. */
import { createSecureContext } from 'node:tls';
import type { ClusterConnectionOptions, ClusterTableOptions } from '../../cluster/options.js';
import { ShmTableError } from '../../errors.js';
import { TABLE_DEFAULTS } from '../../table/defaults.js';
import { MAX_PARTICIPANTS } from '../../table/options.js';
import type { Columns } from '../../table/types.js';
import { readNamedFile } from './read-file.js';
import { participantsOf, type ServiceSettings } from './settings-schema.js';
import type { ClusterTableSettings } from './table-schema.js';

type TlsPaths = NonNullable<ClusterTableSettings['cluster']['tls']>;

/**
 * Reads the files of certificates at every call.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when a file cannot be read or is invalid
 */
export function clusterOptions(
  name: string,
  { cluster, near, ...table }: ClusterTableSettings,
  { namespace, workers, onMismatch }: Pick<ServiceSettings, 'namespace' | 'workers' | 'onMismatch'>,
): ClusterTableOptions<Columns> {
  const { tls, ...connection } = cluster;
  const participants = Math.min(MAX_PARTICIPANTS, Math.max(TABLE_DEFAULTS.maxParticipants, participantsOf(workers)));
  return {
    onMismatch,
    ...table,
    name,
    namespace,
    cluster: { ...connection, ...(tls !== undefined && { tls: readFiles(tls) }) },
    near: near ? { maxParticipants: participants, ...near } : false,
  };
}

function readFiles({ ca, cert, key, ...rest }: TlsPaths): ClusterConnectionOptions['tls'] {
  const files: Record<string, Buffer> = {};
  for (const [name, path] of Object.entries({ ca, cert, key })) {
    if (path !== undefined) files[name] = readNamedFile(`cluster.tls.${name}`, path);
  }
  try {
    createSecureContext({ ...files, passphrase: rest.passphrase });
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `cluster.tls: ${error instanceof Error ? error.message : error}`);
  }
  return { ...rest, ...files };
}
