import type { MemoryObject } from './backend.js';
import { ByteLocks } from './byte-locks.js';
import { type Descriptor, type Mapping, native } from './native.js';
import { type Place, reserve } from './reservation.js';
import { checked } from './system-error.js';

/** A memory object that a descriptor of this process names; how it gets and loses its name is its backend's matter. */
export abstract class DescriptorObject implements MemoryObject {
  readonly readOnly: boolean;
  protected readonly descriptor: Descriptor;
  readonly #place: Place;

  constructor(descriptor: Descriptor, readOnly: boolean, place: Place) {
    this.descriptor = descriptor;
    this.readOnly = readOnly;
    this.#place = place;
  }

  abstract publish(): boolean;
  abstract unlink(): boolean;

  size(): number {
    return checked(this.descriptor.size(), () => `read the size of ${this.#place.subject}`);
  }

  map(size: number): Mapping {
    const mapping = new native.Mapping();
    const result = mapping.map(this.descriptor.number, size, this.readOnly);
    checked(result, () => `map ${size} bytes of ${this.#place.subject}`);
    return mapping;
  }

  reserve(size: number): void {
    reserve(this.descriptor, size, this.#place);
  }

  openByteLocks(): ByteLocks {
    return ByteLocks.of(this.descriptor.number, this.readOnly, this.#place.subject);
  }

  close(): void {
    this.descriptor.close();
  }
}
