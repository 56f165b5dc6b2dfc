import type { Command } from 'commander';
import { Segment } from '../memory/index.js';
import { printJson, printTable } from './output.js';

/** `shmtable segments` */
export function addSegments(program: Command): void {
  program
    .command('segments')
    .description('list the segments of all backends and namespaces, like ipcs -m for System V')
    .option('--json', 'print JSON')
    .action(({ json = false }: { json?: boolean }) => {
      const segments = Segment.list({ foreign: true });
      if (json) return printJson(segments);
      printTable([
        ['NAME', 'BACKEND', 'OWNER', 'PERMS', 'BYTES', 'ATTACHED', 'LOCATION'],
        ...segments.map(({ name, backend, owner, mode, bytes, attached, location }) => [
          name,
          backend,
          owner,
          mode.toString(8),
          String(bytes),
          String(attached),
          location,
        ]),
      ]);
    });
}
