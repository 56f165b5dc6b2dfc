/** The folder whose files are POSIX shared memory. */
export const SHM_DIRECTORY = '/dev/shm';
