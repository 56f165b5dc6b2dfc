import type { Mapping } from '../../../src/memory/native.js';

/** What the watch needs from the package's native module: the class with which its segments map memory. */
export interface MappingModule {
  readonly native: { readonly Mapping: new () => Mapping };
}

/** Observes each mapping that a subject creates from now on, before anything is stored through it. */
export class MappingWatch {
  /** The memory mapped last. */
  latest: ArrayBuffer | undefined;
  /** Called with each new mapping. */
  onMap: (buffer: ArrayBuffer) => void = () => {};
  /** Called when the pages of a mapping were replaced: at the same addresses, with their original protection. */
  onReplace: () => void = () => {};

  constructor({ native }: MappingModule) {
    const see = (buffer: ArrayBuffer): void => {
      this.latest = buffer;
      this.onMap(buffer);
    };
    const replaced = (): void => this.onReplace();
    class WatchedMapping extends native.Mapping {
      override map(...args: [descriptor: number, size: number, readOnly: boolean, offset?: number]): number {
        const result = super.map(...args);
        if (result >= 0) see(this.buffer);
        return result;
      }

      override replace(descriptor: number, offset: number): number {
        const result = super.replace(descriptor, offset);
        replaced();
        return result;
      }
    }
    Reflect.set(native, 'Mapping', WatchedMapping);
  }
}
