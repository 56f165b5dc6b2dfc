/** The process of a section: runs it and sends the result to its parent. */
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

// When it is told to end or its parent has died, it exits by itself, so that everything it has started and created is
// cleaned up.
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
