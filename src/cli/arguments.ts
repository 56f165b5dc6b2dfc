/** What commander takes as the value of an option. */
import { InvalidArgumentError } from 'commander';

/** A safe integer of 0 or more, in digits. */
export function integerArgument(text: string): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new InvalidArgumentError(`It must be an integer of 0 .. ${Number.MAX_SAFE_INTEGER}.`);
  }
  return value;
}
