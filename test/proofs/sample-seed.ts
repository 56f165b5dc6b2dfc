/** Decides which sample is tried: SHMTABLE_SEED, or a different one each time. Whoever uses it prints it. */
export const sampleSeed = Number(process.env.SHMTABLE_SEED ?? Date.now() % 1_000_000);
