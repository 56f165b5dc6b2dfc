import { constants, statfsSync } from 'node:fs';
import type { MemoryObject } from './backend.js';
import { ByteLocks } from './byte-locks.js';
import { objectIdentity, objectStatus } from './descriptor-status.js';
import { type Descriptor, type Mapping, native } from './native.js';
import { assertTrusted } from './ownership.js';
import { HUGETLBFS, type Place, reserve } from './reservation.js';
import { attempted, attemptedInProc, checked } from './system-error.js';

/** A memory object with a descriptor in this process. Its backend gives it a name and removes it. */
export abstract class DescriptorObject implements MemoryObject {
  readonly readOnly: boolean;
  protected readonly descriptor: Descriptor;
  protected readonly place: Place;
  readonly #headBytes: number;

  /** @param headBytes bytes of the object before the segment; a multiple of the page size */
  constructor(descriptor: Descriptor, readOnly: boolean, place: Place, headBytes = 0) {
    this.descriptor = descriptor;
    this.readOnly = readOnly;
    this.place = place;
    this.#headBytes = headBytes;
  }

  abstract publish(mapping: Mapping): boolean;
  abstract unlink(): boolean;

  get hasHugePages(): boolean {
    const path = `/proc/self/fd/${this.descriptor.number}`;
    return (
      attemptedInProc(
        () => `inspect ${this.place.subject}`,
        () => statfsSync(path),
      ).type === HUGETLBFS
    );
  }

  get identity(): string {
    return objectIdentity(this.descriptor);
  }

  /**
   * Gives a new, empty object this size, accessible only to its owner whatever the umask, with huge pages if requested
   * and available.
   *
   * @throws {ShmTableError} ERR_PERMISSION when the file system stores neither owner nor mode, so that no process
   *   could open it
   */
  prepare(size: number, hugePages: boolean): void {
    checked(this.descriptor.chmod(0o600), () => `set the mode of ${this.place.subject}`);
    const status = attempted(
      () => `inspect ${this.place.subject}`,
      () => objectStatus(this.descriptor),
    );
    assertTrusted(status, this.place.subject);
    this.reserve(size, hugePages);
  }

  size(): number {
    return checked(this.descriptor.size(), () => `read the size of ${this.place.subject}`) - this.#headBytes;
  }

  map(size: number): Mapping {
    const mapping = new native.Mapping();
    const result = mapping.map(this.descriptor.number, size, this.readOnly, this.#headBytes);
    checked(result, () => `map ${size} bytes of ${this.place.subject}`);
    return mapping;
  }

  /** @param hugePages whether to use huge pages for a new object, as far as available */
  reserve(size: number, hugePages = false): void {
    reserve(this.descriptor, this.#headBytes + size, this.place, { hugePages });
  }

  /** Reserves the missing parts of the first bytes of a sparse object; needs write permission. */
  protected fillHoles(bytes: number): void {
    const writer = new native.Descriptor();
    try {
      const result = writer.reopen(this.descriptor.number, constants.O_RDWR);
      checked(result, () => `fill the holes of ${this.place.subject}`, 'ERR_BACKEND_UNSUPPORTED');
      reserve(writer, this.#headBytes + bytes, this.place, { present: 0 });
    } finally {
      writer.close();
    }
  }

  openByteLocks(): ByteLocks {
    return ByteLocks.of(this.descriptor.number, this.readOnly, this.place.subject);
  }

  close(): void {
    this.descriptor.close();
  }
}
