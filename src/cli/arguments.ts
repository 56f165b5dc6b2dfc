/** Parsers of option values for commander. */
import { InvalidArgumentError } from 'commander';

/** A safe integer of at least 0, in decimal digits. */
export function integerArgument(text: string): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new InvalidArgumentError(`It must be an integer of 0 .. ${Number.MAX_SAFE_INTEGER}.`);
  }
  return value;
}
