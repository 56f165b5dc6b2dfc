import type { Command } from 'commander';
import { parseNamespace } from '../table/options.js';
import { printJson } from './output.js';
import { addTableCommand, destroyTable, type TableFlags } from './table-command.js';

/** Destroys a cache by this name with everything that belongs to it, or returns false if there is none. */
async function destroyCache(name: string): Promise<boolean> {
  const { Cache } = await import('../cache/cache.js');
  const { CacheMemory, cacheMemoryName } = await import('../cache/cache-memory.js');
  const { isCacheName } = await import('../cache/cache-options.js');
  if (!isCacheName(name) || !CacheMemory.exists(cacheMemoryName(parseNamespace(undefined), name))) return false;
  Cache.destroy(name);
  return true;
}

/** `shmtable destroy TABLE` */
export function addDestroy(program: Command): void {
  addTableCommand(program, 'destroy', 'remove a table or a cache, for every process').action(
    async (name: string, flags: TableFlags) => {
      if (flags.path !== undefined || !(await destroyCache(name))) destroyTable(name, flags);
      if (flags.json) printJson({ name, destroyed: true });
      else process.stdout.write('destroyed\n');
    },
  );
}
