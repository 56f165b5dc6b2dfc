/** The folder whose files are POSIX shared memory. Tests name another one, on a small file system for example. */
export function shmDirectory(): string {
  return process.env.SHMTABLE_TEST_SHM_DIRECTORY ?? '/dev/shm';
}
