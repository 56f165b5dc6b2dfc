/** Decides which sample is tried: SHMTABLE_SEED, or another one each time. Whoever samples prints it. */
export const sampleSeed = Number(process.env.SHMTABLE_SEED ?? Date.now() % 1_000_000);
