/** Registers of the frame below: 16 KiB, several times what any operation takes under a lock. */
const REGISTERS = 2_000;

/**
 * Throws the RangeError of an exhausted stack unless there is room for an operation and for settling it. Called before
 * anything shared is held: an overflow under a lock could overflow again in the `finally` that gives the lock back.
 *
 * The call in it is never made. Its arguments make the function's frame large, and the engine looks for room for the
 * whole frame when the function is entered; also in optimised code, which must be able to fall back to that frame.
 * There it costs one comparison.
 */
export const assertStackRoom: () => void = new Function(
  `return (never) => { if (never !== undefined) never(${Array(REGISTERS).fill('0').join()}); };`,
)();
