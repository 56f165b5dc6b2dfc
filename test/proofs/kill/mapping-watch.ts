import type { Mapping } from '../../../src/memory/native.js';

/** What the watch needs of the package's native module: the class that its segments map memory with. */
export interface MappingModule {
  readonly native: { readonly Mapping: new () => Mapping };
}

/** Sees each mapping that a subject makes from now on, before anything is stored through it. */
export class MappingWatch {
  /** The memory mapped last. */
  latest: ArrayBuffer | undefined;
  /** Called with each new mapping. */
  onMap: (buffer: ArrayBuffer) => void = () => {};
  /** Called when the pages of a mapping were replaced: under the same addresses, with their first protection. */
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
