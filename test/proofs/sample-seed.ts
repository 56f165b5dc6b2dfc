/** The seed of the sample: SHMTABLE_SEED, or a different one each time. Tests that use it print it. */
export const sampleSeed = Number(process.env.SHMTABLE_SEED ?? Date.now() % 1_000_000);
