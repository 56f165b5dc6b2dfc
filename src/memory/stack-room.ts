import { evaluate } from './evaluate.js';

/** Registers of the frame below: 16 KiB, several times what any operation takes under a lock. */
const REGISTERS = Array.from({ length: 2_000 }, (_, number) => `r${number}`).join();
/** Arguments of a call that is never made: with them the function is too long to be inlined. */
const ARGUMENTS = Array(120).fill('0').join();

let check: (() => void) | undefined;

/**
 * Throws the RangeError of an exhausted stack unless there is space for an operation and for settling it. Called before
 * anything shared is held: an overflow under a lock could overflow again in the `finally` that releases the lock.
 *
 * Its variables make the function's frame large, and the engine checks for space for the whole frame when a function is
 * entered. Optimised code does so too, because it must be able to fall back to that frame; there it costs one
 * comparison, 7 ns with the call. It is compiled at the first call: a program that only imports the package evaluates
 * no text. The variables are used only after the `return`, so that they add to the frame but not
 * to the code: an engine optimises longer functions later, and until then each call clears the whole frame, 300 ns. It
 * must not be inlined, or it would have no frame.
 */
export function assertStackRoom(): void {
  check ??= evaluate<() => void>(
    `(never) => { var ${REGISTERS}; if (never !== undefined) never(${ARGUMENTS}); return; (${REGISTERS}); }`,
    'stack-room',
  );
  check();
}
