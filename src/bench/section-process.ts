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

process.once('message', (order: SectionOrder) => {
  runOrder(order).then(
    (result) => process.send?.(result, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
