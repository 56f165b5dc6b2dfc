/** The process of a section: runs it and sends its parent what came out. */
import type { Effort, Section, SectionModule, SectionResult } from './section.js';

export interface SectionOrder {
  readonly section: Section;
  readonly effort: Effort;
}

async function runOrder({ section, effort }: SectionOrder): Promise<SectionResult> {
  const module: SectionModule = await import(section.module);
  return module.run(effort, section.rows ?? 0);
}

function end(): void {
  process.exit(1);
}

// Told to end, or left alone by its parent, it ends by itself, so that what it has started and made goes with it.
process.once('SIGINT', end).once('SIGTERM', end).once('disconnect', end);

process.once('message', (order: SectionOrder) => {
  runOrder(order).then(
    (result) => process.send?.(result, () => process.off('disconnect', end).disconnect()),
    (error: unknown) => {
      console.error(error);
      end();
    },
  );
});
