import { evaluate } from './evaluate.js';

/** Registers of the frame below: 16 KiB, several times what any operation takes under a lock. */
const REGISTERS = Array.from({ length: 2_000 }, (_, number) => `r${number}`).join();
/** Arguments of a call that is never made: with them the function is too long to be inlined. */
const ARGUMENTS = Array(120).fill('0').join();

/**
 * Throws the RangeError of an exhausted stack unless there is room for an operation and for settling it. Called before
 * anything shared is held: an overflow under a lock could overflow again in the `finally` that gives the lock back.
 *
 * Its variables make the function's frame large, and the engine looks for room for the whole frame when a function is
 * entered; also in optimised code, which must be able to fall back to that frame: there it costs one comparison, 7 ns
 * with the call. They are used behind the `return` only, so that they cost frame and no code: an engine optimises a
 * function the later the longer its code is, and until then each call clears the whole frame, 300 ns. It must not be
 * inlined, or the frame would go.
 */
export const assertStackRoom: () => void = evaluate(
  `(never) => { var ${REGISTERS}; if (never !== undefined) never(${ARGUMENTS}); return; (${REGISTERS}); }`,
  'stack-room',
);
